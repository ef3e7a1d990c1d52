#include "http_headers.hpp"

#include <algorithm>
#include <charconv>

namespace image_cache {

namespace {

std::optional<std::uint64_t> parse_number(std::string_view text)
{
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, failure] = std::from_chars(text.data(), end, number);
    if (text.empty() || failure != std::errc{} || rest != end) return std::nullopt;
    return number;
}

std::string_view trimmed(std::string_view text)
{
    constexpr std::string_view blanks = " \t\r\n";
    text.remove_prefix(std::min(text.size(), text.find_first_not_of(blanks)));
    return text.substr(0, text.find_last_not_of(blanks) + 1);
}

bool is_named(std::string_view name, std::string_view wanted)
{
    return std::ranges::equal(name, wanted, [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
    });
}

} // namespace

std::optional<ContentRange> parse_content_range(std::string_view value)
{
    value = trimmed(value);
    if (!value.starts_with("bytes ")) return std::nullopt;
    value = trimmed(value.substr(6));
    const std::size_t slash = value.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    ContentRange range;
    if (const std::string_view total = value.substr(slash + 1); total != "*") {
        range.total = parse_number(total);
        if (!range.total) return std::nullopt;
    }
    const std::string_view part = value.substr(0, slash);
    if (part == "*") return range;
    const std::size_t dash = part.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const auto last = parse_number(part.substr(dash + 1));
    range.first = parse_number(part.substr(0, dash));
    if (!range.first || !last || *last < *range.first || (range.total && *last >= *range.total))
        return std::nullopt;
    range.last = *last;
    return range;
}

void ResponseHead::take_line(std::string_view line)
{
    if (line.starts_with("HTTP/")) {
        *this = {};
        return;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trimmed(line.substr(colon + 1)).substr(0, 1000);
    if (is_named(name, "content-length")) length = parse_number(value);
    if (is_named(name, "content-range")) range = parse_content_range(value);
    if (is_named(name, "etag")) etag = value;
    if (is_named(name, "last-modified")) last_modified = value;
    if (is_named(name, "content-type")) content_type = value;
    if (is_named(name, "retry-after")) retry_after = value;
}

std::optional<std::uint64_t> ResponseHead::total() const
{
    if (range) return range->total;
    return length;
}

std::string ResponseHead::validator() const
{
    if (etag.size() > 2 && etag.starts_with('"') && etag.ends_with('"')) return etag;
    return last_modified;
}

std::optional<std::chrono::seconds> parse_retry_after(std::string_view value, std::int64_t now,
                                                      std::int64_t (*date)(const char*))
{
    if (const auto number = parse_number(value))
        return std::chrono::seconds(std::min<std::uint64_t>(*number, 86400));
    const std::int64_t when = date(std::string(value).c_str());
    if (value.empty() || when < 0) return std::nullopt;
    return std::chrono::seconds(std::clamp<std::int64_t>(when - now, 0, 86400));
}

} // namespace image_cache
