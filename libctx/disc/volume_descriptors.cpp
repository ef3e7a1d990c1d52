#include "disc/volume_descriptors.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <unistd.h>

namespace ctx {

namespace {

constexpr std::size_t sector_size = 2048;
using Sector = std::array<char, sector_size>;

bool read_sector(int fd, std::uint64_t number, Sector& sector)
{
    return ::pread(fd, sector.data(), sector.size(), static_cast<off_t>(number * sector_size)) ==
           static_cast<ssize_t>(sector.size());
}

std::uint32_t little_endian(std::string_view bytes)
{
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
        value |= std::uint32_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    return value;
}

// ECMA-119, 8.5.6: UCS-2 of one of three levels.
bool is_joliet(std::string_view descriptor)
{
    const std::string_view escape = descriptor.substr(88, 3);
    return escape == "%/@" || escape == "%/C" || escape == "%/E";
}

// SUSP: the root directory's first record says so behind its name.
bool has_susp(int fd, std::string_view primary)
{
    Sector root;
    constexpr std::size_t root_record = 156;
    if (!read_sector(fd, little_endian(primary.substr(root_record + 2, 4)), root)) return false;
    const std::string_view record(root.data(), root.size());
    constexpr std::size_t system_use = 34; // the name "." is one byte, the length even
    return record.substr(system_use, 2) == "SP" && record.substr(system_use + 4, 2) == "\xbe\xef";
}

} // namespace

VolumeDescriptors read_volume_descriptors(int fd)
{
    VolumeDescriptors found;
    constexpr std::uint64_t first = 16;
    constexpr std::uint64_t most = 64; // a disc has three or four
    Sector sector;
    for (std::uint64_t number = first; number < first + most && read_sector(fd, number, sector); ++number) {
        const std::string_view descriptor(sector.data(), sector.size());
        if (descriptor.substr(1, 5) != "CD001") break;
        constexpr char primary = 1;
        constexpr char supplementary = 2;
        if (descriptor[0] == primary) {
            found.iso9660 = true;
            found.rock_ridge = has_susp(fd, descriptor);
        } else if (descriptor[0] == supplementary && is_joliet(descriptor)) {
            found.joliet = true;
        }
    }
    return found;
}

} // namespace ctx
