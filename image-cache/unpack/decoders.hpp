// One function a format: reads a channel up to its end, gives what is in it. Each throws Error (remote) for
// what is damaged or cut off, Error (node) where a limit of the configuration is in the way.
#pragma once

#include <cstdint>
#include <string>

#include <ctx/base/error.hpp>

#include "../stream/chunks.hpp"
#include "content.hpp"

namespace image_cache {

struct DecoderLimits {
    std::uint64_t memory = std::uint64_t{256} << 20; // for windows and blocks that a stream asks for
    unsigned threads = 2;
    std::uint64_t largest_member = std::uint64_t{1} << 40; // that an archive may announce
};

// Where a decoder's output goes: chunks of it, and how much there will be, if that is known beforehand.
struct DecoderOutput {
    ChunkFiller& filler;
    ByteSink& sink;
};

void unpack_gzip(Channel& input, DecoderOutput output);
void unpack_bzip2(Channel& input, DecoderOutput output);
void unpack_xz(Channel& input, DecoderOutput output, const DecoderLimits& limits);
void unpack_zstd(Channel& input, DecoderOutput output, const DecoderLimits& limits);
// The one disk in a zip, tar or OVA.
void unpack_archive(Channel& input, DecoderOutput output, const DecoderLimits& limits);

// The errors they share.
ctx::Error damaged_stream(Content content, std::string why);
ctx::Error cut_off_stream(Content content);
ctx::Error too_much_memory(Content content, std::uint64_t limit);

} // namespace image_cache
