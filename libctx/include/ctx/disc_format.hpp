// What a context disc is formatted as.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ctx {

enum class DiscFormat {
    iso, // ISO 9660 with Rock Ridge and Joliet: a CD, or a disk that holds one
    vfat // an unpartitioned FAT32 volume: a disk, for guests without a CD drive or a driver for one
};

std::vector<std::string> disc_format_names();
DiscFormat disc_format_from_name(std::string_view name); // throws Error (user), with the nearest name
std::string to_string(DiscFormat format);

} // namespace ctx
