#include "check/userdata/shell_words.hpp"

#include <utility>

#include <ctx/base/names.hpp>

namespace ctx::check {

namespace {

constexpr std::string_view ends_a_word = " \t\n;&|<>()";

class WordReader {
public:
    explicit WordReader(std::string_view text) : text_(text) {}

    ShellWord read()
    {
        while (at_ < text_.size() && ends_a_word.find(text_[at_]) == std::string_view::npos) {
            const char c = text_[at_++];
            if (c == '\'')
                single_quoted();
            else if (c == '"')
                double_quoted();
            else if (c == '\\')
                escaped();
            else
                plain(c);
        }
        word_.length = at_;
        return std::move(word_);
    }

private:
    void plain(char c)
    {
        if (c == '$' || c == '`') word_.computed = true;
        word_.value += c;
    }

    void escaped()
    {
        if (at_ == text_.size()) return;
        const char c = text_[at_++];
        if (c != '\n') word_.value += c; // a line that goes on
    }

    void single_quoted()
    {
        const std::size_t end = text_.find('\'', at_);
        if (end == std::string_view::npos) {
            unterminated();
            return;
        }
        word_.value += text_.substr(at_, end - at_);
        at_ = end + 1;
    }

    void double_quoted()
    {
        for (; at_ < text_.size() && text_[at_] != '"'; ++at_) {
            if (text_[at_] != '\\' || at_ + 1 == text_.size()) {
                plain(text_[at_]);
                continue;
            }
            const char next = text_[++at_];
            constexpr std::string_view escapable = "$`\"\\\n";
            if (escapable.find(next) == std::string_view::npos) word_.value += '\\';
            if (next != '\n') word_.value += next;
        }
        if (at_ == text_.size())
            unterminated();
        else
            ++at_;
    }

    void unterminated()
    {
        word_.unterminated = true;
        at_ = text_.size();
    }

    std::string_view text_;
    std::size_t at_ = 0;
    ShellWord word_;
};

// Past blanks and the ends of commands.
void skip_separators(std::string_view& rest)
{
    const std::size_t next = rest.find_first_not_of(" \t\r\n;");
    rest.remove_prefix(next == std::string_view::npos ? rest.size() : next);
}

void skip_line(std::string_view& rest)
{
    const std::size_t end = rest.find('\n');
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
}

// "NAME=" at the beginning; its length without the sign, or nothing.
std::optional<std::size_t> assignment(std::string_view text)
{
    const std::size_t sign = text.find('=');
    if (sign == std::string_view::npos || !is_environment_name(text.substr(0, sign))) return std::nullopt;
    return sign;
}

} // namespace

ShellWord read_shell_word(std::string_view text)
{
    return WordReader(text).read();
}

std::string ShellVariables::value(std::string_view name) const
{
    const auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second.value;
}

ShellVariables read_shell_variables(std::string_view text)
{
    ShellVariables result;
    std::string_view rest = text;
    for (skip_separators(rest); !rest.empty(); skip_separators(rest)) {
        if (rest.starts_with('#')) {
            skip_line(rest);
            continue;
        }
        constexpr std::string_view exported = "export ";
        if (rest.starts_with(exported) && assignment(rest.substr(exported.size())))
            rest.remove_prefix(exported.size());
        const auto sign = assignment(rest);
        if (!sign) {
            result.commands = true;
            skip_line(rest);
            continue;
        }
        const std::string name(rest.substr(0, *sign));
        rest.remove_prefix(*sign + 1);
        ShellWord word = read_shell_word(rest);
        rest.remove_prefix(word.length);
        result.broken |= word.unterminated;
        if (word.unterminated) return result;
        if (!word.value.empty() && word.value.back() == '\r') word.value.pop_back();
        result.variables.insert_or_assign(name, std::move(word));
        // `NAME=value command`, `NAME=value &`: no assignment that stays.
        const std::size_t next = rest.find_first_not_of(" \t\r");
        if (next != std::string_view::npos && rest[next] != '\n' && rest[next] != ';' && rest[next] != '#' &&
            !assignment(rest.substr(next))) {
            result.commands = true;
            skip_line(rest);
        }
    }
    return result;
}

} // namespace ctx::check
