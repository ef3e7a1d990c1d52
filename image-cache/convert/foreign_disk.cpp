#include "foreign_disk.hpp"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

namespace image_cache {

namespace {

using ctx::Blame;
using ctx::Error;

[[noreturn]] void refuse(Content content, std::string why)
{
    throw Error(Blame::user, fmt::format("this {} disk is refused", to_string(content)))
        .because(std::move(why))
        .mend("convert it where it was made: qemu-img convert -O qcow2 DISK NEW");
}

template <class Number>
Number little_endian(Content content, std::string_view bytes, std::size_t offset)
{
    if (bytes.size() < offset + sizeof(Number)) refuse(content, "it ends within its header");
    Number value = 0;
    for (std::size_t i = sizeof(Number); i-- > 0;)
        value = static_cast<Number>((value << 8U) | static_cast<unsigned char>(bytes[offset + i]));
    return value;
}

std::uint32_t big_endian(Content content, std::string_view bytes, std::size_t offset)
{
    if (bytes.size() < offset + 4) refuse(content, "it ends within its header");
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = (value << 8U) | static_cast<unsigned char>(bytes[offset + i]);
    return value;
}

std::string_view word_after(std::string_view text, std::string_view key)
{
    const std::size_t at = text.find(key);
    if (at == std::string_view::npos) return {};
    text.remove_prefix(at + key.size());
    text.remove_prefix(std::min(text.size(), text.find_first_not_of(" =\"\t")));
    return text.substr(0, text.find_first_of("\"\r\n \t"));
}

// An extent names a file; the one that is this file itself is the only one there may be, and QEMU does not
// look for it as long as the header has a size.
void check_vmdk_descriptor(std::string_view text)
{
    const std::string_view type = word_after(text, "createType");
    if (type != "monolithicSparse" && type != "streamOptimized")
        refuse(Content::vmdk,
               fmt::format("it is of the type '{}': its data lie in other files", ctx::printable(type)));
    if (text.find("parentFileNameHint") != std::string_view::npos)
        refuse(Content::vmdk, "it stands on another disk");
    std::size_t extents = 0;
    while (!text.empty()) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (!line.starts_with("RW ") && !line.starts_with("RDONLY ") && !line.starts_with("NOACCESS "))
            continue;
        ++extents;
        if (line.find(" SPARSE ") == std::string_view::npos)
            refuse(Content::vmdk, "an extent of it is another file");
    }
    if (extents != 1) refuse(Content::vmdk, fmt::format("it has {} extents", extents));
}

void check_vmdk(std::string_view head)
{
    constexpr std::size_t sector = 512;
    if (!head.starts_with("KDMV")) refuse(Content::vmdk, "its data lie in other files");
    // Without a size QEMU takes all from the descriptor, other files included.
    if (little_endian<std::uint64_t>(Content::vmdk, head, 12) == 0)
        refuse(Content::vmdk, "its header has no size");
    const auto offset = little_endian<std::uint64_t>(Content::vmdk, head, 28);
    const auto size = little_endian<std::uint64_t>(Content::vmdk, head, 36);
    if (offset == 0 || size == 0 || offset > head.size() / sector || size > head.size() / sector - offset)
        refuse(Content::vmdk, "its descriptor is not at its beginning");
    std::string_view text = head.substr(offset * sector, size * sector);
    check_vmdk_descriptor(text.substr(0, text.find('\0')));
}

void check_vdi(std::string_view head)
{
    const auto type = little_endian<std::uint32_t>(Content::vdi, head, 76);
    if (type != 1 && type != 2) refuse(Content::vdi, "it stands on another disk");
}

void check_vhd(std::string_view head)
{
    const std::uint32_t type = big_endian(Content::vhd, head, 60);
    if (type != 2 && type != 3) refuse(Content::vhd, "it stands on another disk");
}

} // namespace

void require_self_contained(Content content, std::string_view head)
{
    switch (content) {
    case Content::vmdk: check_vmdk(head); break;
    case Content::vdi: check_vdi(head); break;
    case Content::vhd: check_vhd(head); break;
    default: break; // VHDX: QEMU refuses one that has a parent
    }
}

} // namespace image_cache
