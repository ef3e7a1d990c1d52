#include "disc/fat_names.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "disc/fat_format.hpp"

namespace ctx::fat {

namespace {

void append_utf8(std::string& text, std::uint32_t point)
{
    const auto add = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
    if (point < 0x80) {
        add(point);
        return;
    }
    if (point < 0x800) {
        add(0xc0U | point >> 6U);
    } else {
        if (point < 0x10000) {
            add(0xe0U | point >> 12U);
        } else {
            add(0xf0U | point >> 18U);
            add(0x80U | (point >> 12U & 0x3fU));
        }
        add(0x80U | (point >> 6U & 0x3fU));
    }
    add(0x80U | (point & 0x3fU));
}

// Halves without their other half become U+FFFD.
std::string to_utf8(const std::u16string& units)
{
    std::string text;
    for (std::size_t i = 0; i < units.size(); ++i) {
        const std::uint32_t unit = units[i];
        const bool is_half = unit >= 0xd800 && unit < 0xe000;
        const bool has_other = is_half && unit < 0xdc00 && i + 1 < units.size() && units[i + 1] >= 0xdc00 &&
                               units[i + 1] < 0xe000;
        if (has_other)
            append_utf8(text, 0x10000 + ((unit - 0xd800) << 10U) + (units[++i] - 0xdc00U));
        else
            append_utf8(text, is_half ? 0xfffd : unit);
    }
    return text;
}

std::string in_small_letters(std::string text)
{
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return text;
}

// "README  TXT" → "README.TXT", each half in small letters where Windows NT says so.
std::string short_name(std::string_view entry)
{
    constexpr std::uint32_t small_base = 0x08;
    constexpr std::uint32_t small_extension = 0x10;
    const std::uint32_t flags = get(entry, 12, 1);
    std::string base = plain_text(entry.substr(0, 8));
    std::string extension = plain_text(entry.substr(8, 3));
    if ((flags & small_base) != 0) base = in_small_letters(std::move(base));
    if ((flags & small_extension) != 0) extension = in_small_letters(std::move(extension));
    return extension.empty() ? base : base + "." + extension;
}

} // namespace

std::string plain_text(std::string_view padded)
{
    std::string text(padded.substr(0, padded.find_last_not_of(' ') + 1));
    std::ranges::replace_if(
        text, [](char c) { return static_cast<unsigned char>(c) >= 0x80 || c == 0x05; }, '_');
    return text;
}

void NameReader::take_long(std::string_view entry)
{
    const std::uint32_t order = get(entry, 0, 1);
    const std::uint32_t number = order & 0x1fU;
    const auto sum = static_cast<unsigned char>(get(entry, 13, 1));
    if ((order & last_long_entry) != 0) {
        units_.clear();
        expected_ = number;
        sum_ = sum;
    }
    if (number == 0 || number != expected_ || sum != sum_) {
        forget();
        return;
    }
    std::u16string part;
    for (const std::size_t at : long_name_places) {
        const auto unit = static_cast<char16_t>(get(entry, at, 2));
        if (unit == 0) break;
        part += unit;
    }
    units_.insert(0, part);
    --expected_;
    complete_ = expected_ == 0;
}

std::string NameReader::take_name(std::string_view entry)
{
    const bool is_long = complete_ && sum_ == checksum(entry.substr(0, short_name_size));
    forget();
    return is_long ? to_utf8(units_) : short_name(entry);
}

} // namespace ctx::fat
