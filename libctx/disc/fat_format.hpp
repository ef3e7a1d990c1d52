// What writing and reading a FAT volume have in common: the shape of its parts on disk (Microsoft's "FAT32
// File System Specification", 1.03).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ctx::fat {

constexpr std::size_t sector_size = 512; // of what we write; others use up to 4096
constexpr std::size_t entry_size = 32;   // of a directory
constexpr std::size_t short_name_size = 11;
constexpr std::size_t long_name_piece = 13; // UTF-16 units that one entry of a long name holds
constexpr std::size_t longest_name = 255;
constexpr std::size_t largest_directory = 65536 * entry_size;

// A volume with fewer clusters is FAT12, FAT16: only their number tells.
constexpr std::uint64_t least_clusters_fat16 = 4085;
constexpr std::uint64_t least_clusters_fat32 = 65525;

constexpr unsigned char attribute_read_only = 0x01;
constexpr unsigned char attribute_label = 0x08;
constexpr unsigned char attribute_directory = 0x10;
constexpr unsigned char attribute_archive = 0x20;
constexpr unsigned char attribute_long_name = 0x0f;
constexpr unsigned char attribute_mask = 0x3f;
constexpr unsigned char last_long_entry = 0x40;

// Where in an entry of a long name its 13 units lie.
constexpr std::array<std::size_t, long_name_piece> long_name_places = {1,  3,  5,  7,  9,  14, 16,
                                                                       18, 20, 22, 24, 28, 30};

inline std::uint32_t get(std::string_view bytes, std::size_t at, std::size_t width)
{
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < width; ++i)
        value |= std::uint32_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
    return value;
}

inline void put(std::string& bytes, std::size_t at, std::size_t width, std::uint32_t value)
{
    for (std::size_t i = 0; i < width; ++i) bytes[at + i] = static_cast<char>(value >> (8 * i) & 0xffU);
}

// Ties the entries of a long name to the short one behind them.
inline unsigned char checksum(std::string_view short_name)
{
    unsigned sum = 0;
    for (const char c : short_name)
        sum = (((sum & 1U) << 7U) + (sum >> 1U) + static_cast<unsigned char>(c)) & 0xffU;
    return static_cast<unsigned char>(sum);
}

} // namespace ctx::fat
