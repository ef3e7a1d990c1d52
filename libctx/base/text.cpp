#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <numeric>

#include <fmt/format.h>

#include <ctx/base/text.hpp>

namespace ctx {

std::string shell_quote(std::string_view text)
{
    std::string quoted = "'";
    for (const char c : text) {
        if (c == '\'')
            quoted += "'\\''";
        else
            quoted += c;
    }
    return quoted + "'";
}

namespace {

// Levenshtein's distance, one row at a time.
std::size_t edit_distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
        }
    }
    return row.back();
}

} // namespace

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates)
{
    std::optional<std::string> best;
    // One slip in a short word, two (or a swap of neighbours) in a longer one, more in a very long one.
    const std::size_t slips = word.size() < 4 ? 1 : std::max<std::size_t>(2, word.size() / 3);
    std::size_t least = slips + 1;
    for (const std::string& candidate : candidates) {
        const std::size_t distance = edit_distance(word, candidate);
        if (distance < least) {
            least = distance;
            best = candidate;
        }
    }
    return best;
}

std::vector<std::string> split(std::string_view text, char separator)
{
    std::vector<std::string> parts;
    for (;;) {
        const std::size_t end = text.find(separator);
        parts.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::string join(const std::vector<std::string>& parts, std::string_view separator)
{
    return fmt::format("{}", fmt::join(parts, separator));
}

std::string printable(std::string_view text, std::size_t limit)
{
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
    std::string result;
    for (const char c : text) {
        if (result.size() >= limit) return result + "…";
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f)
            result += c;
        else
            result += fmt::format("\\x{:02x}", byte);
    }
    return result;
}

namespace {

struct Unit {
    char letter;
    unsigned shift;
};
constexpr std::array<Unit, 4> units = {{{'T', 40}, {'G', 30}, {'M', 20}, {'K', 10}}};

} // namespace

std::optional<unsigned long long> parse_size(std::string_view text)
{
    unsigned long long number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, failure] = std::from_chars(text.data(), end, number);
    if (failure != std::errc{}) return std::nullopt;
    const std::string_view suffix(rest, static_cast<std::size_t>(end - rest));
    if (suffix.empty() || suffix == "B") return number;
    for (const Unit& unit : units) {
        if (suffix.front() != unit.letter) continue;
        if (suffix.size() > 1 && suffix.substr(1) != "iB" && suffix.substr(1) != "B") return std::nullopt;
        if (number > (~0ULL >> unit.shift)) return std::nullopt;
        return number << unit.shift;
    }
    return std::nullopt;
}

std::string format_size(unsigned long long bytes)
{
    for (const Unit& unit : units) {
        const unsigned long long one = 1ULL << unit.shift;
        if (bytes >= one && bytes % one == 0) return fmt::format("{}{}", bytes / one, unit.letter);
    }
    return fmt::format("{}", bytes);
}

} // namespace ctx
