// The part of user data that the µCernVM boot loader obeys (cernvm-micro: parse_user_data.cc). Each line
// between the marks becomes a line of a file that the boot loader's shell, root's, sources.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ctx::check {

struct BlockFault {
    enum class Kind {
        begin,      // the mark is there but for blanks or a CR: not seen
        carriage,   // a CR at a line's end: it becomes part of the value
        name,       // no name for a variable
        unquoted,   // a character that ends the value: what follows is run as a command
        unclosed,   // a quote that is not closed
        expands,    // $ or `: replaced when it is sourced
        last_line,  // no line feed: not read
        no_end,     // no closing mark: all that follows is taken for settings
        no_setting, // neither empty nor key=value
    } kind;
    unsigned line = 0; // counted from 1
    std::string text;
};

struct BlockSetting {
    std::string key; // as written; the boot loader does not mind case
    std::string value;
    unsigned line = 0;
};

struct BootloaderBlock {
    bool present = false;
    std::vector<BlockSetting> settings;
    std::vector<BlockFault> faults;
};

BootloaderBlock parse_bootloader_block(std::string_view text);

// The text without the block: what is left for others to hear.
std::string without_bootloader_block(std::string_view text);

} // namespace ctx::check
