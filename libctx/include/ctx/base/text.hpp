// Small things about text that several parts need.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ctx {

// One word for a POSIX shell, whatever bytes it holds (NUL excepted): 'it'\''s'.
std::string shell_quote(std::string_view text);

// The candidate a mistyped word was probably meant to be, if one is close enough.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);

// For messages: control characters and bytes that are no ASCII as \xNN, cut at `limit` with "…". What a
// hostile job or guest wrote must not reach a terminal as it is.
std::string printable(std::string_view text, std::size_t limit = 200);

// "512M", "1G", "20GiB" or a plain number of bytes; the units are binary. Nothing if it is no size.
std::optional<unsigned long long> parse_size(std::string_view text);

// 1073741824 → "1G", the largest unit that loses nothing.
std::string format_size(unsigned long long bytes);

} // namespace ctx
