#include "services/init_script.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <ctx/base/text.hpp>

namespace ctx {

namespace {

std::vector<std::string> words_of(std::string_view text)
{
    std::vector<std::string> words;
    std::string word;
    for (const char c : text) {
        if (c != ' ' && c != '\t' && c != '\r') {
            word += c;
        } else if (!word.empty()) {
            words.push_back(std::move(word));
            word.clear();
        }
    }
    if (!word.empty()) words.push_back(std::move(word));
    return words;
}

std::optional<int> priority(const std::string& text)
{
    int value = 0;
    const char* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value);
    constexpr int most = 99;
    if (result.ec != std::errc() || result.ptr != end || value < 0 || value > most) return std::nullopt;
    return value;
}

std::optional<ChkconfigLine> parse_chkconfig(const std::string& line)
{
    const std::vector<std::string> words = words_of(line);
    if (words.size() < 3) return std::nullopt;
    const auto start = priority(words[1]);
    const auto stop = priority(words[2]);
    if (!start || !stop) return std::nullopt;
    ChkconfigLine result{words[0] == "-" ? "" : words[0], *start, *stop};
    if (result.levels.find_first_not_of("0123456") != std::string::npos) return std::nullopt;
    return result;
}

// Levels are one letter each: they become part of a path.
std::vector<std::string> levels_of(std::string_view text)
{
    std::vector<std::string> levels = words_of(text);
    std::erase_if(levels, [](const std::string& level) {
        return level.size() != 1 || std::string_view("0123456S").find(level) == std::string_view::npos;
    });
    return levels;
}

} // namespace

InitScript parse_init_script(std::string_view text)
{
    InitScript script;
    bool inside = false;
    for (const std::string& line : split(text, '\n')) {
        if (!line.starts_with('#')) continue;
        if (line.starts_with("### BEGIN INIT INFO") && !script.lsb) {
            inside = true;
            script.lsb.emplace();
        }
        if (line.starts_with("### END INIT INFO")) inside = false;
        const std::size_t colon = line.find(':');
        if (colon == std::string::npos) continue;
        const std::vector<std::string> key = words_of(line.substr(1, colon - 1));
        if (key.size() != 1) continue;
        const std::string value = line.substr(colon + 1);
        if (key[0] == "chkconfig" && !script.chkconfig) script.chkconfig = parse_chkconfig(value);
        if (!inside) continue;
        LsbHeader& lsb = *script.lsb;
        if (key[0] == "Provides") lsb.provides = words_of(value);
        if (key[0] == "Required-Start") lsb.required_start = words_of(value);
        if (key[0] == "Should-Start") lsb.should_start = words_of(value);
        if (key[0] == "Required-Stop") lsb.required_stop = words_of(value);
        if (key[0] == "Default-Start") lsb.default_start = levels_of(value);
        if (key[0] == "Default-Stop") lsb.default_stop = levels_of(value);
    }
    return script;
}

} // namespace ctx
