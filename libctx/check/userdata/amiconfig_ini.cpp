#include "check/userdata/amiconfig_ini.hpp"

#include <algorithm>
#include <optional>

#include "check/userdata/lines.hpp"

namespace ctx::check {

namespace {

// SECTCRE: \[([^]]+)\], at the line's beginning; what follows does not matter.
std::optional<std::string_view> section_of(std::string_view line)
{
    if (!line.starts_with('[')) return std::nullopt;
    const std::size_t end = line.find(']');
    if (end == std::string_view::npos || end == 1) return std::nullopt;
    return line.substr(1, end - 1);
}

struct Option {
    std::string_view key;
    std::string_view value;
};

// OPTCRE: ([^:=\s][^:=]*)\s*[:=]\s*(.*), at the line's beginning: no blank before it.
std::optional<Option> option_of(std::string_view line)
{
    const std::size_t sign = line.find_first_of(":=");
    if (sign == std::string_view::npos || sign == 0 || is_blank(line[0])) return std::nullopt;
    return Option{.key = trimmed(line.substr(0, sign)), .value = trimmed(line.substr(sign + 1))};
}

bool is_comment(std::string_view line)
{
    if (line.starts_with('#') || line.starts_with(';')) return true;
    const std::string_view word = line.substr(0, line.find_first_of(" \t\r\v\f"));
    return lower(word) == "rem";
}

IniSection& section_named(std::vector<IniSection>& sections, std::string_view name)
{
    const auto there = std::ranges::find(sections, name, &IniSection::name);
    if (there != sections.end()) return *there;
    return sections.emplace_back(IniSection{.name = std::string(name), .keys = {}});
}

} // namespace

const IniSection* AmiconfigIni::find(std::string_view name) const
{
    const auto found =
        std::ranges::find_if(sections, [&](const IniSection& one) { return lower(one.name) == lower(name); });
    return found == sections.end() ? nullptr : &*found;
}

AmiconfigIni parse_amiconfig_ini(std::string_view text)
{
    AmiconfigIni ini;
    std::optional<std::string> current;
    unsigned number = 0;
    for (std::string_view rest = text; !rest.empty();) {
        const std::string_view line = take_line(rest);
        ++number;
        const auto name = section_of(line);
        if (name) {
            current = *name;
            section_named(ini.sections, *name);
            continue;
        }
        if (!current || trimmed(line).empty() || is_comment(line)) continue;
        auto option = option_of(line);
        if (!option) {
            ini.dropped.push_back({.line = number, .text = std::string(trimmed(line))});
            continue;
        }
        const std::string key = lower(option->key);
        // Only the first semicolon is looked at.
        const std::size_t semicolon = option->value.find(';');
        if (semicolon != std::string_view::npos && semicolon > 0 && is_blank(option->value[semicolon - 1])) {
            option->value = trimmed(option->value.substr(0, semicolon));
            ini.cut.push_back(key);
        }
        section_named(ini.sections, *current).keys[key] =
            option->value == R"("")" ? std::string() : std::string(option->value);
    }
    return ini;
}

unsigned script_end(std::string_view text)
{
    unsigned number = 0;
    for (std::string_view rest = text; !rest.empty();) {
        ++number;
        if (take_line(rest).starts_with("exit")) return number;
    }
    return 0;
}

} // namespace ctx::check
