// context.sh and the boot loader's block are sourced by shells. We run nothing: assignments of plain words
// are understood, of everything else it is said that it is there.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace ctx::check {

struct ShellWord {
    std::string value;
    bool computed = false;     // it has a $ or a backquote that the shell would replace
    bool unterminated = false; // a quote that is not closed
    std::size_t length = 0;    // of the text it was read from
};

// One word as a POSIX shell reads it, up to a blank or an operator outside quotes.
ShellWord read_shell_word(std::string_view text);

struct ShellVariables {
    std::map<std::string, ShellWord, std::less<>> variables; // of two of one name the last
    bool commands = false; // there is more than assignments: values may come out otherwise
    bool broken = false;   // a quote is not closed: the shell takes nothing from there on

    bool has(std::string_view name) const { return variables.contains(name); }
    // "" if it is not set.
    std::string value(std::string_view name) const;
};

ShellVariables read_shell_variables(std::string_view text);

} // namespace ctx::check
