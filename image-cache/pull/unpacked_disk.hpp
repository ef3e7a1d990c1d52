// The disk that was in a packed download: hashed and written while it is unpacked, within limits.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include <image-cache/pull.hpp>

#include "../stream/taps.hpp"
#include "../temporary.hpp"
#include "../unpack/unpacker.hpp"

namespace image_cache {

class UnpackedDisk : public DiskSink {
public:
    // `packed` counts what has come of the packed bytes.
    UnpackedDisk(const Layout& layout, Flow& flow, const PullLimits& limits,
                 const std::atomic<std::uint64_t>& packed);

    void begin(Content content) override { content_ = content; }
    void put(Chunk chunk) override;
    void end() override;
    void announce(std::uint64_t size) override;

    // Waits for the end.
    void wait();
    // After that: the file is all that is left.
    void detach() { taps_.reset(); }

    // What it was, once wait() has returned.
    Content content() const { return content_; }
    const std::string& digest() const { return digest_; }
    std::uint64_t size() const { return size_; }
    std::unique_ptr<Temporary> take_file() { return std::move(file_); }

private:
    void check(std::uint64_t size, std::uint64_t data) const;

    const PullLimits& limits_;
    const std::atomic<std::uint64_t>& packed_;
    std::string folder_;
    std::unique_ptr<Temporary> file_;
    Content content_ = Content::disk;
    std::string digest_;
    std::uint64_t size_ = 0;
    struct Taps;
    struct FreeTaps {
        void operator()(Taps* taps) const;
    };
    std::unique_ptr<Taps, FreeTaps> taps_;
};

// Throws Error (node) unless the file system of `file` has room for so much more.
void require_room(const NamedFd& file, std::uint64_t bytes, std::string_view what);

} // namespace image_cache
