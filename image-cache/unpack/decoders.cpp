#include "decoders.hpp"

#include <fmt/format.h>

#include <ctx/base/text.hpp>

namespace image_cache {

using ctx::Blame;
using ctx::Error;

Error damaged_stream(Content content, std::string why)
{
    return Error(Blame::remote, fmt::format("the {} data cannot be unpacked", to_string(content)))
        .because(std::move(why))
        .mend("whoever publishes it must replace it; a mirror may have it whole");
}

Error cut_off_stream(Content content)
{
    return damaged_stream(content, "they end in the middle");
}

Error too_much_memory(Content content, std::uint64_t limit)
{
    return Error(Blame::node, fmt::format("unpacking the {} data needs too much memory", to_string(content)))
        .because(fmt::format("more than {}", ctx::format_size(limit)))
        .mend("raise images.decoder_memory, or have it packed with a smaller window");
}

} // namespace image_cache
