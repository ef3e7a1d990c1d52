// xz by liblzma: the blocks of a file that has several are decoded in parallel.
#include <cstdint>
#include <span>

#include <lzma.h>

#include <fmt/format.h>

#include "decoders.hpp"

namespace image_cache {

namespace {

class XzDecoder {
public:
    XzDecoder(ChunkFiller& output, const DecoderLimits& limits) : output_(output), limits_(limits)
    {
        lzma_mt options{};
        options.flags = LZMA_CONCATENATED;
        options.threads = limits.threads;
        // Beyond the first it goes on with fewer threads, beyond the second it stops.
        options.memlimit_threading = limits.memory;
        options.memlimit_stop = limits.memory;
        if (lzma_stream_decoder_mt(&stream_, &options) != LZMA_OK)
            throw ctx::Error(ctx::Blame::node, "xz's library does not start");
    }
    XzDecoder(const XzDecoder&) = delete;
    XzDecoder& operator=(const XzDecoder&) = delete;
    XzDecoder(XzDecoder&&) = delete;
    XzDecoder& operator=(XzDecoder&&) = delete;
    ~XzDecoder() { lzma_end(&stream_); }

    void take(std::string_view bytes)
    {
        stream_.next_in = reinterpret_cast<const std::uint8_t*>(bytes.data());
        stream_.avail_in = bytes.size();
        while (stream_.avail_in > 0) step(LZMA_RUN);
    }

    void finish()
    {
        while (!finished_) step(LZMA_FINISH);
    }

private:
    void step(lzma_action action)
    {
        const std::span<char> room = output_.room();
        stream_.next_out = reinterpret_cast<std::uint8_t*>(room.data());
        stream_.avail_out = room.size();
        const lzma_ret status = lzma_code(&stream_, action);
        output_.commit(room.size() - stream_.avail_out);
        switch (status) {
        case LZMA_OK: return;
        case LZMA_STREAM_END: finished_ = true; return;
        case LZMA_BUF_ERROR: throw cut_off_stream(Content::xz);
        case LZMA_MEMLIMIT_ERROR: throw too_much_memory(Content::xz, limits_.memory);
        case LZMA_DATA_ERROR: throw damaged_stream(Content::xz, "a checksum in them is wrong");
        default:
            throw damaged_stream(Content::xz, fmt::format("liblzma's error {}", static_cast<int>(status)));
        }
    }

    ChunkFiller& output_;
    const DecoderLimits& limits_;
    lzma_stream stream_ = LZMA_STREAM_INIT;
    bool finished_ = false;
};

} // namespace

void unpack_xz(Channel& input, DecoderOutput output, const DecoderLimits& limits)
{
    XzDecoder decoder(output.filler, limits);
    while (const Chunk chunk = input.pop()) decoder.take(chunk->bytes());
    decoder.finish();
}

} // namespace image_cache
