// Bytes on their way through a pipeline. A chunk is filled once and then read by several stages; a pool
// bounds how many there are, and so how far the fastest stage gets ahead of the slowest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <ctx/base/page_buffer.hpp>

#include "flow.hpp"

namespace image_cache {

inline constexpr std::size_t chunk_size = 1 << 20;

struct Buffer {
    ctx::PageBuffer data{chunk_size};
    std::size_t size = 0;

    std::string_view bytes() const { return {data.data(), size}; }
    // NOLINTNEXTLINE(readability-make-member-function-const): it is there to be written to
    std::span<char> room() { return {data.data() + size, chunk_size - size}; }
};
using Chunk = std::shared_ptr<const Buffer>;

class ChunkPool {
public:
    ChunkPool(Flow& flow, std::size_t count);
    // An empty buffer; waits until one is free. It comes back when the last reader lets go of it.
    std::shared_ptr<Buffer> take();

private:
    struct Shared {
        std::vector<std::unique_ptr<Buffer>> free;
        std::size_t unmade = 0;
    };
    Flow& flow_;
    std::shared_ptr<Shared> shared_;
};

// From one stage to the next. An empty pointer is the end.
class Channel {
public:
    explicit Channel(Flow& flow) : flow_(flow) {}
    void push(Chunk chunk);
    void close() { push(nullptr); }
    Chunk pop();

private:
    Flow& flow_;
    std::deque<Chunk> waiting_;
};

// Takes bytes of any length and passes them on in whole chunks.
class ByteSink {
public:
    ByteSink() = default;
    ByteSink(const ByteSink&) = delete;
    ByteSink& operator=(const ByteSink&) = delete;
    ByteSink(ByteSink&&) = delete;
    ByteSink& operator=(ByteSink&&) = delete;
    virtual ~ByteSink() = default;

    virtual void put(Chunk chunk) = 0;
    virtual void end() = 0;
    // That so many bytes are to come in all, where the source says so.
    virtual void announce(std::uint64_t) {}
};

// Fills chunks for a sink.
class ChunkFiller {
public:
    ChunkFiller(ChunkPool& pool, ByteSink& sink) : pool_(pool), sink_(sink) {}
    // Where the next bytes go; commit() says how many came.
    std::span<char> room();
    void commit(std::size_t count);
    void put(std::string_view bytes);
    // Passes on what has gathered.
    void flush();

private:
    ChunkPool& pool_;
    ByteSink& sink_;
    std::shared_ptr<Buffer> current_;
};

} // namespace image_cache
