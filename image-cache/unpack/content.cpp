#include "content.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace image_cache {

namespace {

using std::operator""sv;

struct Mark {
    std::size_t offset;
    std::string_view bytes;
    Content content;
};
constexpr std::array<Mark, 13> marks = {
    {{0, "\x1f\x8b\x08"sv, Content::gzip},
     {4, "1AY&SY"sv, Content::bzip2},       // behind "BZh" and the block size
     {4, "\x17rE8P\x90"sv, Content::bzip2}, // the same, with no block at all
     {0, "\xfd\x37zXZ\0"sv, Content::xz},
     {0, "\x28\xb5\x2f\xfd"sv, Content::zstd},
     {0, "PK\x03\x04"sv, Content::zip},
     {257, "ustar"sv, Content::tar},
     {0, "KDMV"sv, Content::vmdk},
     {0, "# Disk DescriptorFile"sv, Content::vmdk},
     {0, "COWD"sv, Content::vmdk},
     {0, "vhdxfile"sv, Content::vhdx},
     {0, "conectix"sv, Content::vhd},
     {64, "\x7f\x10\xda\xbe"sv, Content::vdi}}};

constexpr std::array<std::string_view, 11> names = {"disk", "gzip", "bzip2", "xz",  "zstd", "zip",
                                                    "tar",  "vmdk", "vdi",   "vhd", "vhdx"};

} // namespace

Content content_of(std::string_view head)
{
    const auto* const found = std::ranges::find_if(marks, [&](const Mark& mark) {
        if (mark.content == Content::bzip2 && !head.starts_with("BZh")) return false;
        return head.size() >= mark.offset && head.substr(mark.offset).starts_with(mark.bytes);
    });
    return found == marks.end() ? Content::disk : found->content;
}

std::string_view to_string(Content content)
{
    return names.at(static_cast<std::size_t>(content));
}

bool is_packed(Content content)
{
    switch (content) {
    case Content::gzip:
    case Content::bzip2:
    case Content::xz:
    case Content::zstd:
    case Content::zip:
    case Content::tar: return true;
    default: return false;
    }
}

bool is_foreign_disk(Content content)
{
    return content != Content::disk && !is_packed(content);
}

} // namespace image_cache
