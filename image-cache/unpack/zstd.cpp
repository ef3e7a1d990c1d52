#include <algorithm>
#include <bit>
#include <memory>
#include <span>

#include <zstd.h>

#include "decoders.hpp"

namespace image_cache {

namespace {

struct FreeDecoder {
    void operator()(ZSTD_DCtx* handle) const { ZSTD_freeDCtx(handle); }
};

constexpr int least_window = 10; // what the library takes, as powers of two
constexpr int largest_window = 31;

class ZstdDecoder {
public:
    ZstdDecoder(ChunkFiller& output, const DecoderLimits& limits) : output_(output), limits_(limits)
    {
        const int window =
            std::clamp(static_cast<int>(std::bit_width(limits.memory)) - 1, least_window, largest_window);
        if (!decoder_ ||
            ZSTD_isError(ZSTD_DCtx_setParameter(decoder_.get(), ZSTD_d_windowLogMax, window)) != 0)
            throw ctx::Error(ctx::Blame::node, "zstd's library does not start");
    }

    void take(std::string_view bytes)
    {
        ZSTD_inBuffer in{.src = bytes.data(), .size = bytes.size(), .pos = 0};
        bool output_is_full = false;
        while (in.pos < in.size || output_is_full) {
            const std::span<char> room = output_.room();
            ZSTD_outBuffer out{.dst = room.data(), .size = room.size(), .pos = 0};
            expected_ = ZSTD_decompressStream(decoder_.get(), &out, &in);
            if (ZSTD_isError(expected_) != 0) fail(ZSTD_getErrorName(expected_));
            output_is_full = out.pos == out.size && expected_ != 0;
            output_.commit(out.pos);
        }
    }

    bool finished() const { return expected_ == 0; }

private:
    [[noreturn]] void fail(std::string_view why) const
    {
        if (why.find("memory") != std::string_view::npos)
            throw too_much_memory(Content::zstd, limits_.memory);
        throw damaged_stream(Content::zstd, std::string(why));
    }

    ChunkFiller& output_;
    const DecoderLimits& limits_;
    std::unique_ptr<ZSTD_DCtx, FreeDecoder> decoder_{ZSTD_createDCtx()};
    std::size_t expected_ = 1; // bytes the frame still wants; 0 between frames
};

} // namespace

void unpack_zstd(Channel& input, DecoderOutput output, const DecoderLimits& limits)
{
    ZstdDecoder decoder(output.filler, limits);
    bool is_first = true;
    while (const Chunk chunk = input.pop()) {
        if (is_first) {
            const auto size = ZSTD_getFrameContentSize(chunk->bytes().data(), chunk->bytes().size());
            if (size != ZSTD_CONTENTSIZE_UNKNOWN && size != ZSTD_CONTENTSIZE_ERROR)
                output.sink.announce(size);
        }
        is_first = false;
        decoder.take(chunk->bytes());
    }
    if (!decoder.finished()) throw cut_off_stream(Content::zstd);
}

} // namespace image_cache
