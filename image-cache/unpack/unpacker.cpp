#include "unpacker.hpp"

namespace image_cache {

namespace {

constexpr unsigned most_layers = 3;
// Chunks under way behind each layer.
constexpr std::size_t chunks_per_layer = 8;

void decode(Content content, Channel& input, DecoderOutput output, const DecoderLimits& limits)
{
    switch (content) {
    case Content::gzip: unpack_gzip(input, output); break;
    case Content::bzip2: unpack_bzip2(input, output); break;
    case Content::xz: unpack_xz(input, output, limits); break;
    case Content::zstd: unpack_zstd(input, output, limits); break;
    default: unpack_archive(input, output, limits); break;
    }
}

} // namespace

class Unpacker::Layer {
public:
    Layer(Content content, Flow& flow, const DecoderLimits& limits, DiskSink& disk, unsigned depth)
        : input(flow), inner_(flow, limits, disk, depth), pool_(flow, chunks_per_layer),
          stage_(flow, [this, content, &limits] { work(content, limits); })
    {
    }

    Channel input;

private:
    void work(Content content, const DecoderLimits& limits)
    {
        ChunkFiller filler(pool_, inner_);
        decode(content, input, {.filler = filler, .sink = inner_}, limits);
        filler.flush();
        inner_.end();
        // What lies behind an archive's end is passed over, or whoever fills the channel would wait for ever.
        while (input.pop()) {
        }
    }

    Unpacker inner_;
    ChunkPool pool_;
    Stage stage_;
};

Unpacker::Unpacker(Flow& flow, const DecoderLimits& limits, DiskSink& disk, unsigned layer)
    : flow_(flow), limits_(limits), disk_(disk), depth_(layer)
{
}

Unpacker::~Unpacker() = default;

void Unpacker::begin(std::string_view head)
{
    begun_ = true;
    const Content content = content_of(head);
    if (!is_packed(content)) {
        disk_.begin(content);
        if (announced_) disk_.announce(*announced_);
        return;
    }
    if (depth_ == most_layers)
        throw ctx::Error(ctx::Blame::remote, "the image is packed too many times")
            .because("an archive in an archive in an archive")
            .mend("unpack it and import the disk: vmbatch image import FILE");
    layer_ = std::make_unique<Layer>(content, flow_, limits_, disk_, depth_ + 1);
}

void Unpacker::put(Chunk chunk)
{
    if (!begun_) begin(chunk->bytes());
    if (layer_)
        layer_->input.push(std::move(chunk));
    else
        disk_.put(std::move(chunk));
}

void Unpacker::end()
{
    if (!begun_) begin({});
    if (layer_)
        layer_->input.close();
    else
        disk_.end();
}

void Unpacker::announce(std::uint64_t size)
{
    announced_ = size;
}

} // namespace image_cache
