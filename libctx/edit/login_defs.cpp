#include "edit/login_defs.hpp"

#include <charconv>
#include <optional>
#include <vector>

#include <ctx/base/text.hpp>

namespace ctx {

namespace {

std::optional<mode_t> octal(std::string_view text)
{
    mode_t value = 0;
    constexpr int base = 8;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (text.empty() || error != std::errc() || end != text.data() + text.size() || value > 07777)
        return std::nullopt;
    return value;
}

} // namespace

std::string login_definition(std::string_view login_defs, std::string_view key)
{
    constexpr std::string_view blanks = " \t";
    std::string value;
    for (const std::string& line : split(login_defs, '\n')) {
        const std::size_t begin = line.find_first_not_of(blanks);
        if (begin == std::string::npos || line[begin] == '#') continue;
        const std::size_t end = line.find_first_of(blanks, begin);
        if (end == std::string::npos || line.compare(begin, end - begin, key) != 0) continue;
        const std::size_t start = line.find_first_not_of(blanks, end);
        if (start == std::string::npos) continue;
        value = line.substr(start, line.find_last_not_of(blanks) + 1 - start);
    }
    return value;
}

mode_t home_mode(std::string_view login_defs)
{
    if (const auto mode = octal(login_definition(login_defs, "HOME_MODE"))) return *mode;
    constexpr mode_t usual_mask = 022;
    return 0777 & ~octal(login_definition(login_defs, "UMASK")).value_or(usual_mask);
}

} // namespace ctx
