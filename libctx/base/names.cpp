#include <algorithm>
#include <cstddef>

#include <ctx/base/names.hpp>

namespace ctx {

namespace {

// Not <cctype>: what counts must not depend on the locale.
constexpr bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}
constexpr bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}
constexpr bool is_alnum(char c)
{
    return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z');
}

// `text` begins with a letter or digit and goes on with these or `more`.
bool is_word(std::string_view text, std::string_view more, std::size_t limit)
{
    if (text.empty() || text.size() > limit || !is_alnum(text.front())) return false;
    return std::ranges::all_of(text,
                               [&](char c) { return is_alnum(c) || more.find(c) != std::string_view::npos; });
}

} // namespace

bool is_job_id(std::string_view text)
{
    return is_word(text, "._-+@[]", 128);
}

bool is_user_name(std::string_view text)
{
    if (text.empty() || text.size() > 32 || !(is_lower(text.front()) || text.front() == '_')) return false;
    return std::ranges::all_of(text,
                               [](char c) { return is_lower(c) || is_digit(c) || c == '_' || c == '-'; });
}

bool is_host_name(std::string_view text)
{
    if (text.empty() || text.size() > 253) return false;
    for (;;) {
        const std::size_t end = text.find('.');
        const std::string_view label = text.substr(0, end);
        if (!is_word(label, "-", 63) || label.back() == '-') return false;
        if (end == std::string_view::npos) return true;
        text.remove_prefix(end + 1);
    }
}

bool is_plain_name(std::string_view text)
{
    return is_word(text, "._-", 64);
}

bool is_environment_name(std::string_view text)
{
    if (text.empty() || is_digit(text.front())) return false;
    return std::ranges::all_of(text, [](char c) { return is_alnum(c) || c == '_'; });
}

} // namespace ctx
