#include <algorithm>

#include <fmt/format.h>

#include <ctx/base/text.hpp>
#include <ctx/check/machine.hpp>

#include "check/userdata/lines.hpp"

namespace ctx::check {

std::string_view to_string(FileSystem kind)
{
    switch (kind) {
    case FileSystem::none: return "nothing";
    case FileSystem::iso9660: return "iso9660";
    case FileSystem::vfat: return "vfat";
    case FileSystem::udf: return "udf";
    case FileSystem::ext2: return "ext2";
    case FileSystem::ext3: return "ext3";
    case FileSystem::ext4: return "ext4";
    case FileSystem::swap: return "swap";
    case FileSystem::other: return "another file system";
    }
    return "";
}

const MediumFile* Medium::find(std::string_view path) const
{
    const auto found =
        filesystem == FileSystem::vfat
            ? std::ranges::find_if(
                  files, [wanted = lower(path)](const auto& entry) { return lower(entry.first) == wanted; })
            : files.find(std::string(path));
    return found == files.end() ? nullptr : &found->second;
}

std::string_view Medium::text(std::string_view path) const
{
    const MediumFile* file = find(path);
    return file == nullptr || !file->content ? std::string_view() : *file->content;
}

std::string Medium::describe() const
{
    const char* names = filesystem == FileSystem::iso9660 && !long_names ? " with short names" : "";
    return fmt::format("{} ({}, {}{}, '{}')", device, printable(place), to_string(filesystem), names,
                       printable(label));
}

} // namespace ctx::check
