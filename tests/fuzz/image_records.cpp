// Damaged files of the cache: read, said to be damaged, or passed over, never more. Built with
// -fsanitize=fuzzer,address.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>

#include "../../image-cache/aliases.hpp"
#include "../../image-cache/metadata.hpp"
#include "../../image-cache/pull/part_file.hpp"
#include "../../image-cache/pull/source_records.hpp"

namespace {

image_cache::Layout make_cache()
{
    const image_cache::Layout layout{std::filesystem::temp_directory_path() /
                                     fmt::format("vmbatch-fuzz-{}", ::getpid())};
    layout.make();
    return layout;
}

template <class Read>
void expect_words(Read read)
{
    try {
        read();
    } catch (const ctx::Error& error) {
        if (error.reason().empty() || error.remedy().empty()) __builtin_trap();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static const image_cache::Layout layout = make_cache();
    static const std::string digest(64, 'a');
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    ctx::write_file(layout.metadata(digest), text, 0600);
    ctx::write_file(layout.alias("x"), text, 0600);
    ctx::write_file(layout.source("x"), text, 0600);
    ctx::write_file(layout.downloads() / "x.json", text, 0600);
    expect_words([] { image_cache::read_metadata(layout, digest); });
    expect_words([] { image_cache::read_alias(layout, "x"); });
    image_cache::read_source(layout, "x");
    image_cache::look_at_part(layout, "x");
    return 0;
}
