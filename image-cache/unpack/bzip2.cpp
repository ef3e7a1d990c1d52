#include <memory>
#include <span>

#include <bzlib.h>

#include <fmt/format.h>

#include "decoders.hpp"

namespace image_cache {

namespace {

class Bzip2Decoder {
public:
    explicit Bzip2Decoder(ChunkFiller& output) : output_(output) { begin(); }
    Bzip2Decoder(const Bzip2Decoder&) = delete;
    Bzip2Decoder& operator=(const Bzip2Decoder&) = delete;
    Bzip2Decoder(Bzip2Decoder&&) = delete;
    Bzip2Decoder& operator=(Bzip2Decoder&&) = delete;
    ~Bzip2Decoder() { BZ2_bzDecompressEnd(&stream_); }

    void take(std::string_view bytes)
    {
        stream_.next_in = const_cast<char*>(bytes.data()); // NOLINT(*-const-cast): it is only read
        stream_.avail_in = static_cast<unsigned>(bytes.size());
        while (stream_.avail_in > 0 || output_is_full_) {
            if (finished_ && !begin_stream()) return;
            step();
        }
    }

    bool finished() const { return finished_; }

private:
    void begin()
    {
        if (BZ2_bzDecompressInit(&stream_, 0, 0) != BZ_OK)
            throw ctx::Error(ctx::Blame::node, "bzip2's library does not start");
        finished_ = false;
    }

    // Parallel packers write one stream behind the other; what is none is passed over.
    bool begin_stream()
    {
        if (junk_ || *stream_.next_in != 'B') {
            junk_ = true;
            return false;
        }
        char* const input = stream_.next_in;
        const unsigned rest = stream_.avail_in;
        BZ2_bzDecompressEnd(&stream_);
        stream_ = {};
        begin();
        stream_.next_in = input;
        stream_.avail_in = rest;
        return true;
    }

    void step()
    {
        const std::span<char> room = output_.room();
        stream_.next_out = room.data();
        stream_.avail_out = static_cast<unsigned>(room.size());
        const int status = BZ2_bzDecompress(&stream_);
        if (status != BZ_OK && status != BZ_STREAM_END)
            throw damaged_stream(Content::bzip2, status == BZ_DATA_ERROR
                                                     ? "its checksum is wrong"
                                                     : fmt::format("libbz2's error {}", status));
        output_is_full_ = stream_.avail_out == 0;
        output_.commit(room.size() - stream_.avail_out);
        finished_ = status == BZ_STREAM_END;
        if (finished_) output_is_full_ = false;
    }

    ChunkFiller& output_;
    bz_stream stream_{};
    bool output_is_full_ = false;
    bool finished_ = false;
    bool junk_ = false;
};

} // namespace

void unpack_bzip2(Channel& input, DecoderOutput output)
{
    Bzip2Decoder decoder(output.filler);
    while (const Chunk chunk = input.pop()) decoder.take(chunk->bytes());
    if (!decoder.finished()) throw cut_off_stream(Content::bzip2);
}

} // namespace image_cache
