#include "sums_file.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

namespace image_cache {

namespace {

struct Line {
    Checksum checksum;
    std::string_view name; // "" for a digest that stands alone
};

std::string_view trimmed(std::string_view text)
{
    text.remove_prefix(std::min(text.size(), text.find_first_not_of(" \t\r")));
    return text.substr(0, text.find_last_not_of(" \t\r") + 1);
}

// "./a/b.img" → "b.img": publishers list the file, not where it lay.
std::string_view base_name(std::string_view name)
{
    return name.substr(name.rfind('/') + 1);
}

std::optional<Line> parse_bsd(std::string_view line)
{
    for (const HashKind kind : {HashKind::sha256, HashKind::sha512}) {
        const std::string_view word = kind == HashKind::sha256 ? "SHA256" : "SHA512";
        if (!line.starts_with(word)) continue;
        const std::string_view rest = trimmed(line.substr(word.size()));
        const std::size_t close = rest.rfind(')');
        const std::size_t equals = rest.rfind('=');
        if (!rest.starts_with('(') || close == std::string_view::npos || equals == std::string_view::npos ||
            equals < close)
            return std::nullopt;
        const std::optional<Checksum> checksum = parse_checksum(trimmed(rest.substr(equals + 1)));
        if (!checksum || checksum->kind != kind) return std::nullopt;
        return Line{.checksum = *checksum, .name = rest.substr(1, close - 1)};
    }
    return std::nullopt;
}

std::optional<Line> parse_gnu(std::string_view line)
{
    // A name with a backslash or newline in it is escaped, and the line begins with a backslash: nobody
    // publishes such images.
    const std::size_t end = line.find_first_of(" \t");
    const std::optional<Checksum> checksum = parse_checksum(line.substr(0, end));
    if (!checksum) return std::nullopt;
    if (end == std::string_view::npos) return Line{.checksum = *checksum, .name = {}};
    std::string_view name = trimmed(line.substr(end));
    if (name.starts_with('*')) name.remove_prefix(1);
    return Line{.checksum = *checksum, .name = name};
}

std::vector<Line> parse(std::string_view sums)
{
    std::vector<Line> lines;
    while (!sums.empty()) {
        const std::size_t end = sums.find('\n');
        const std::string_view text = trimmed(sums.substr(0, end));
        sums.remove_prefix(end == std::string_view::npos ? sums.size() : end + 1);
        std::optional<Line> line = parse_bsd(text);
        if (!line) line = parse_gnu(text);
        if (line) lines.push_back(*line);
    }
    return lines;
}

} // namespace

std::optional<Checksum> find_in_sums(std::string_view sums, std::string_view name)
{
    const std::vector<Line> lines = parse(sums);
    if (lines.size() == 1 && lines.front().name.empty()) return lines.front().checksum;
    std::optional<Checksum> found;
    for (const Line& line : lines) {
        if (line.name.empty() || base_name(line.name) != name) continue;
        if (found && found->kind == line.checksum.kind && found->hex != line.checksum.hex)
            throw ctx::Error(ctx::Blame::remote, "the file of checksums contradicts itself")
                .because(fmt::format("it has two of '{}'", ctx::printable(name)))
                .mend("give the right one: --checksum");
        if (!found || line.checksum.kind == HashKind::sha512) found = line.checksum;
    }
    return found;
}

bool is_clearsigned(std::string_view text)
{
    return text.starts_with("-----BEGIN PGP SIGNED MESSAGE-----");
}

std::string_view signed_text(std::string_view text)
{
    if (!is_clearsigned(text)) return text;
    const std::size_t blank = std::min(text.find("\n\n"), text.find("\n\r\n"));
    const std::size_t end = text.find("\n-----BEGIN PGP SIGNATURE-----");
    if (blank == std::string_view::npos || end == std::string_view::npos || end < blank) return {};
    return text.substr(blank, end - blank);
}

} // namespace image_cache
