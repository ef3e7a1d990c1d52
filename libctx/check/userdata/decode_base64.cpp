#include "check/userdata/decode_base64.hpp"

#include <cstdint>

namespace ctx::check {

namespace {

int digit(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+') return 62;
    if (c == '/') return 63;
    return -1;
}

} // namespace

std::optional<std::string> decode_base64(std::string_view text, Base64Reader reader)
{
    std::string data;
    data.reserve(text.size() / 4 * 3);
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        if (c == '=') break;
        const int value = digit(c);
        if (value < 0 && (c == '\n' || reader == Base64Reader::lenient)) continue;
        if (value < 0) return std::nullopt;
        bits = bits << 6U | static_cast<std::uint32_t>(value);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        data += static_cast<char>(bits >> count & 0xffU);
    }
    // A single digit is left over: something is missing.
    if (count == 6) return std::nullopt;
    return data;
}

} // namespace ctx::check
