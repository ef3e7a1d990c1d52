#include "url.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

namespace image_cache {

using ctx::Blame;
using ctx::Error;

namespace {

std::optional<Scheme> scheme_of(std::string_view url)
{
    if (url.starts_with("http://")) return Scheme::http;
    if (url.starts_with("https://")) return Scheme::https;
    if (url.starts_with("file:///")) return Scheme::file;
    return std::nullopt;
}

int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

} // namespace

bool is_url(std::string_view text)
{
    return text.find("://") != std::string_view::npos;
}

Scheme check_url(std::string_view url)
{
    const bool is_clean = std::ranges::all_of(url, [](char c) { return c > 0x20 && c < 0x7f; });
    const std::optional<Scheme> scheme = scheme_of(url);
    if (scheme && is_clean && url.size() > url.find("://") + 3) return *scheme;
    throw Error(Blame::user, "not an address images can be pulled from")
        .at(ctx::printable(url))
        .because("it begins with http://, https:// or file:/// and has neither blanks nor control characters")
        .mend("correct it; blanks are written %20");
}

std::string file_url(std::string_view path)
{
    constexpr std::string_view plain = "/-._~";
    std::string url = "file://";
    for (const char c : path) {
        const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                              plain.find(c) != std::string_view::npos;
        url += is_plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return url;
}

std::string shown_url(std::string_view url)
{
    std::string shown(url);
    const std::size_t begin = shown.find("://");
    if (begin != std::string::npos) {
        const std::size_t host = begin + 3;
        const std::size_t at = shown.substr(0, shown.find_first_of("/?#", host)).rfind('@');
        if (at != std::string::npos && at >= host) shown.erase(host, at + 1 - host);
    }
    return ctx::printable(shown, 2000);
}

std::string decoded(std::string_view text)
{
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool is_escape = text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
                               hex_value(text[i + 2]) >= 0;
        plain +=
            is_escape ? static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2])) : text[i];
        if (is_escape) i += 2;
    }
    return plain;
}

std::string file_name_of(std::string_view url)
{
    url = url.substr(0, url.find_first_of("?#"));
    return decoded(url.substr(url.rfind('/') + 1));
}

} // namespace image_cache
