// Looks at what comes and unpacks it, layer by layer (a tar in an xz), each layer in a thread of its own.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "decoders.hpp"

namespace image_cache {

// Takes the disk as it is in the innermost layer.
class DiskSink : public ByteSink {
public:
    // What it is, before its first bytes.
    virtual void begin(Content content) = 0;
};

class Unpacker : public ByteSink {
public:
    Unpacker(Flow& flow, const DecoderLimits& limits, DiskSink& disk, unsigned layer = 0);
    Unpacker(const Unpacker&) = delete;
    Unpacker& operator=(const Unpacker&) = delete;
    Unpacker(Unpacker&&) = delete;
    Unpacker& operator=(Unpacker&&) = delete;
    ~Unpacker() override;

    // The first chunk holds the beginning: chunk_size bytes, or all there is.
    void put(Chunk chunk) override;
    void end() override;
    void announce(std::uint64_t size) override;

private:
    class Layer;

    void begin(std::string_view head);

    Flow& flow_;
    const DecoderLimits& limits_;
    DiskSink& disk_;
    unsigned depth_;
    bool begun_ = false;
    std::unique_ptr<Layer> layer_; // nothing: this is the disk itself
    std::optional<std::uint64_t> announced_;
};

} // namespace image_cache
