#include "check/read/add_files.hpp"

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>

#include <ctx/check/report.hpp>

#include "check/userdata/lines.hpp"

namespace ctx::check {

void add_files(Medium& medium, const DiscReader& disc)
{
    constexpr std::size_t largest_file = 1 << 20;
    const bool is_vfat = disc.format() == DiscFormat::vfat;
    if (is_vfat) medium.filesystem = FileSystem::vfat;
    medium.long_names = is_vfat || disc.has_rock_ridge() || disc.has_joliet();
    std::set<std::string> wanted;
    for (const std::string& name : files_of_interest()) wanted.insert(is_vfat ? lower(name) : name);
    for (const DiscEntry& entry : disc.entries()) {
        if (entry.kind != DiscEntry::Kind::file) continue;
        // Linux shows names in lower case where the disc has no others. On a vfat case does not count.
        const std::string name = medium.long_names ? entry.path : lower(entry.path);
        MediumFile& file = medium.files[name];
        if (entry.size <= largest_file && wanted.contains(is_vfat ? lower(name) : name))
            file.content = disc.content(entry.path, largest_file);
    }
}

} // namespace ctx::check
