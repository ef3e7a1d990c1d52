#include "disc/fat_directory.hpp"

#include <algorithm>
#include <ctime>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

#include "disc/fat_format.hpp"

namespace ctx::fat {

namespace {

std::string in_capitals(std::string_view text)
{
    std::string result(text);
    for (char& c : result) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return result;
}

void require_name(const std::string& name)
{
    constexpr std::string_view forbidden = "\"*/:<>?\\|";
    const bool is_plain = std::ranges::all_of(
        name, [&](char c) { return c >= ' ' && c <= '~' && forbidden.find(c) == std::string_view::npos; });
    if (is_plain && !name.empty() && name.size() <= longest_name && name.back() != '.' && name.back() != ' ')
        return;
    throw Error(Blame::user, fmt::format("'{}' cannot be a file's name on a vfat disk", printable(name)))
        .mend("write the disc in another format");
}

std::size_t long_entries(std::string_view name)
{
    return (name.size() + long_name_piece - 1) / long_name_piece;
}

// The part of a name that its n-th entry (from 1) holds: UTF-16, ended by 0, filled with ones.
std::string long_entry(std::string_view name, std::size_t number, unsigned char sum)
{
    std::string entry(entry_size, '\0');
    const bool is_last = number == long_entries(name);
    entry[0] = static_cast<char>(number | (is_last ? last_long_entry : 0U));
    entry[11] = static_cast<char>(attribute_long_name);
    entry[13] = static_cast<char>(sum);
    for (std::size_t i = 0; i < long_name_piece; ++i) {
        const std::size_t at = (number - 1) * long_name_piece + i;
        std::uint32_t unit = 0xffff;
        if (at < name.size()) unit = static_cast<unsigned char>(name[at]);
        if (at == name.size()) unit = 0;
        put(entry, long_name_places[i], 2, unit);
    }
    return entry;
}

} // namespace

Date date_of(std::int64_t seconds)
{
    constexpr std::int64_t first = 315532800; // 1980
    constexpr std::int64_t last = 4354819198; // 2107
    const std::time_t time = std::clamp(seconds, first, last);
    std::tm parts{};
    if (::gmtime_r(&time, &parts) == nullptr) throw Error(Blame::user, "the disc's date is out of range");
    const auto number = [](int value) { return static_cast<std::uint32_t>(value); };
    return {.day = number(parts.tm_year - 80) << 9U | number(parts.tm_mon + 1) << 5U | number(parts.tm_mday),
            .time = number(parts.tm_hour) << 11U | number(parts.tm_min) << 5U | number(parts.tm_sec) / 2};
}

std::size_t entry_bytes(std::string_view name)
{
    return (long_entries(name) + 1) * entry_size;
}

void DirectoryWriter::add_label(const std::string& label)
{
    std::string padded = label;
    padded.resize(short_name_size, ' ');
    add_short(padded, attribute_label, 0, 0);
}

void DirectoryWriter::add_dots(std::uint32_t own_cluster, std::uint32_t parent_cluster)
{
    add_short(".          ", attribute_directory, own_cluster, 0);
    add_short("..         ", attribute_directory, parent_cluster, 0);
}

void DirectoryWriter::add(const std::string& name, unsigned char attributes, std::uint32_t cluster,
                          std::uint32_t size)
{
    require_name(name);
    if (!names_.insert(in_capitals(name)).second)
        throw Error(Blame::user, fmt::format("two files are called '{}' on a vfat disk, where capitals "
                                             "and small letters are the same",
                                             printable(name)))
            .mend("write the disc in another format");
    const std::string short_name = new_short_name();
    const unsigned char sum = checksum(short_name);
    for (std::size_t number = long_entries(name); number > 0; --number)
        bytes_ += long_entry(name, number, sum);
    add_short(short_name, attributes, cluster, size);
}

// Nobody looks at it: every name is a long one, which keeps its letters.
std::string DirectoryWriter::new_short_name()
{
    for (;;) {
        const std::string name = fmt::format("{:06}~1", ++count_);
        if (names_.insert(name).second) return name + "   ";
    }
}

void DirectoryWriter::add_short(std::string_view short_name, unsigned char attributes, std::uint32_t cluster,
                                std::uint32_t size)
{
    std::string entry(short_name);
    entry.resize(entry_size, '\0');
    entry[11] = static_cast<char>(attributes);
    put(entry, 14, 2, date_.time);
    put(entry, 16, 2, date_.day);
    put(entry, 18, 2, date_.day);
    put(entry, 20, 2, cluster >> 16U);
    put(entry, 22, 2, date_.time);
    put(entry, 24, 2, date_.day);
    put(entry, 26, 2, cluster & 0xffffU);
    put(entry, 28, 4, size);
    bytes_ += entry;
}

} // namespace ctx::fat
