#include "services/unit_file.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include <ctx/base/text.hpp>

namespace ctx {

namespace {

constexpr std::array suffixes = {".service", ".socket", ".target", ".timer", ".mount", ".automount",
                                 ".path",    ".slice",  ".swap",   ".scope", ".device"};

std::string trimmed(std::string_view text)
{
    constexpr std::string_view blanks = " \t\r";
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return "";
    return std::string(text.substr(begin, text.find_last_not_of(blanks) + 1 - begin));
}

// The parts of "prefix@instance.service".
struct NameParts {
    std::string prefix;
    std::string instance;
    std::string without_suffix;
};

NameParts parts_of(const std::string& unit)
{
    NameParts parts;
    parts.without_suffix = unit.substr(0, unit.rfind('.'));
    const std::size_t at = parts.without_suffix.find('@');
    parts.prefix = parts.without_suffix.substr(0, at);
    if (at != std::string::npos) parts.instance = parts.without_suffix.substr(at + 1);
    return parts;
}

std::string expanded(const std::string& word, const std::string& unit)
{
    const NameParts parts = parts_of(unit);
    std::string result;
    for (std::size_t i = 0; i < word.size(); ++i) {
        if (word[i] != '%' || i + 1 == word.size()) {
            result += word[i];
            continue;
        }
        switch (word[++i]) {
        case 'i': result += parts.instance; break;
        case 'j': result += parts.prefix.substr(parts.prefix.rfind('-') + 1); break;
        case 'n': result += unit; break;
        case 'N': result += parts.without_suffix; break;
        case 'p': result += parts.prefix; break;
        case '%': result += '%'; break;
        default: return ""; // what only a running guest knows
        }
    }
    return result;
}

// A unit's name and no path: it becomes part of one.
bool is_unit_name(const std::string& word)
{
    return !word.empty() && word.find('/') == std::string::npos && word != "." && word != "..";
}

void take_words(std::vector<std::string>& list, const std::string& value, const std::string& unit)
{
    if (value.empty()) list.clear();
    std::string word;
    for (const char c : value + " ") {
        if (c != ' ' && c != '\t') {
            word += c;
            continue;
        }
        const std::string name = expanded(word, unit);
        if (is_unit_name(name) && std::ranges::find(list, name) == list.end()) list.push_back(name);
        word.clear();
    }
}

// A trailing backslash goes on in the next line; comments between do not end it.
std::vector<std::string> logical_lines(std::string_view text)
{
    std::vector<std::string> lines;
    std::string line;
    for (const std::string& raw : split(text, '\n')) {
        const std::string part = trimmed(raw);
        if (part.starts_with('#') || part.starts_with(';')) continue;
        if (part.ends_with('\\')) {
            line += part.substr(0, part.size() - 1) + " ";
            continue;
        }
        lines.push_back(line + part);
        line.clear();
    }
    lines.push_back(line);
    return lines;
}

} // namespace

std::string unit_name(const std::string& service)
{
    const bool has_suffix =
        std::ranges::any_of(suffixes, [&](const char* suffix) { return service.ends_with(suffix); });
    return has_suffix ? service : service + ".service";
}

std::string template_of(const std::string& unit)
{
    const std::size_t at = unit.find('@');
    const std::size_t dot = unit.rfind('.');
    if (at == std::string::npos || dot == std::string::npos || dot <= at + 1) return "";
    return unit.substr(0, at + 1) + unit.substr(dot);
}

InstallSection parse_install(std::string_view text, const std::string& unit)
{
    InstallSection install;
    const std::array<std::pair<std::string_view, std::vector<std::string>*>, 5> lists = {
        {{"WantedBy", &install.wanted_by},
         {"RequiredBy", &install.required_by},
         {"UpheldBy", &install.upheld_by},
         {"Alias", &install.aliases},
         {"Also", &install.also}}};
    bool inside = false;
    for (const std::string& line : logical_lines(text)) {
        if (line.starts_with('[')) {
            inside = line == "[Install]";
            continue;
        }
        const std::size_t equals = line.find('=');
        if (!inside || equals == std::string::npos) continue;
        const std::string key = trimmed(line.substr(0, equals));
        const std::string value = trimmed(line.substr(equals + 1));
        if (key == "DefaultInstance" && is_unit_name(value)) install.default_instance = value;
        for (const auto& [name, list] : lists)
            if (key == name) take_words(*list, value, unit);
    }
    return install;
}

} // namespace ctx
