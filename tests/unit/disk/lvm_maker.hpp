// A physical volume as lvm2 lays it out, around a text: test_lvm.cpp has a text of lvm2's own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <zlib.h>

inline constexpr std::string_view lvm_uuid = "EA4JsRv8E208UqNmF1M27eTM3bA4dd9e";

inline std::uint32_t lvm_sum_of(std::string_view bytes)
{
    return ~static_cast<std::uint32_t>(
        crc32_z(~std::uint32_t{0xf597a6cf}, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

template <class Number>
void put_number(std::string& bytes, std::size_t at, Number value)
{
    for (std::size_t i = 0; i < sizeof value; ++i)
        bytes.at(at + i) = static_cast<char>((std::uint64_t{value} >> (8 * i)) & 0xffU);
}

// `text_at`: where in the metadata area (of 32 KiB, at 4 KiB) the text begins; near its end, it wraps.
inline std::string make_physical_volume(std::string_view text, std::size_t size, std::size_t text_at = 512)
{
    constexpr std::size_t area = 4096;
    constexpr std::size_t area_size = 32768;
    std::string disk(size, '\0');
    const std::size_t label = 512;
    disk.replace(label, 8, "LABELONE");
    put_number<std::uint64_t>(disk, label + 8, 1);
    put_number<std::uint32_t>(disk, label + 20, 32);
    disk.replace(label + 24, 8, "LVM2 001");
    disk.replace(label + 32, 32, lvm_uuid);
    put_number<std::uint64_t>(disk, label + 64, size);
    put_number<std::uint64_t>(disk, label + 72, 1 << 20); // the data area
    put_number<std::uint64_t>(disk, label + 104, area);   // the metadata area, after an end
    put_number<std::uint64_t>(disk, label + 112, area_size);
    put_number<std::uint32_t>(disk, label + 16, lvm_sum_of(std::string_view(disk).substr(label + 20, 492)));

    disk.replace(area + 4, 16, " LVM2 x[5A%r0N*>");
    put_number<std::uint32_t>(disk, area + 20, 1);
    put_number<std::uint64_t>(disk, area + 24, area);
    put_number<std::uint64_t>(disk, area + 32, area_size);
    put_number<std::uint64_t>(disk, area + 40, text_at);
    put_number<std::uint64_t>(disk, area + 48, text.size());
    put_number<std::uint32_t>(disk, area + 56, lvm_sum_of(text));
    put_number<std::uint32_t>(disk, area, lvm_sum_of(std::string_view(disk).substr(area + 4, 508)));
    const std::size_t before_end = std::min(text.size(), area_size - text_at);
    disk.replace(area + text_at, before_end, text.substr(0, before_end));
    disk.replace(area + 512, text.size() - before_end, text.substr(before_end));
    return disk;
}
