#include "check/userdata/bootloader_block.hpp"

#include <utility>

#include <ctx/base/names.hpp>

#include "check/userdata/lines.hpp"
#include "check/userdata/shell_words.hpp"

namespace ctx::check {

namespace {

constexpr std::string_view begin_mark = "[ucernvm-begin]";
constexpr std::string_view end_mark = "[ucernvm-end]";

using Kind = BlockFault::Kind;

void read_setting(BootloaderBlock& block, std::string_view line, unsigned number)
{
    const auto fault = [&](Kind kind) {
        block.faults.push_back({.kind = kind, .line = number, .text = std::string(trimmed(line))});
    };
    const std::size_t sign = line.find('=');
    if (sign == std::string_view::npos) {
        if (!trimmed(line).empty()) fault(Kind::no_setting);
        return;
    }
    const std::string_view key = line.substr(0, sign);
    std::string_view value = line.substr(sign + 1);
    if (!is_environment_name(key)) {
        fault(Kind::name);
        return;
    }
    if (value.ends_with('\r')) {
        fault(Kind::carriage);
        value.remove_suffix(1);
    }
    ShellWord word = read_shell_word(value);
    if (word.unterminated)
        fault(Kind::unclosed);
    else if (word.length < value.size())
        fault(Kind::unquoted);
    if (word.computed) fault(Kind::expands);
    block.settings.push_back({.key = std::string(key), .value = std::move(word.value), .line = number});
}

} // namespace

BootloaderBlock parse_bootloader_block(std::string_view text)
{
    BootloaderBlock block;
    bool inside = false;
    unsigned number = 0;
    for (std::string_view rest = text; !rest.empty();) {
        const bool whole = rest.find('\n') != std::string_view::npos;
        const std::string_view line = take_line(rest);
        ++number;
        if (line == begin_mark && whole) {
            inside = block.present = true;
        } else if (line == end_mark && whole) {
            return block;
        } else if (trimmed(line) == begin_mark) {
            block.faults.push_back({.kind = Kind::begin, .line = number, .text = std::string(begin_mark)});
        } else if (inside && !whole) {
            block.faults.push_back({.kind = Kind::last_line, .line = number, .text = std::string(line)});
        } else if (inside) {
            read_setting(block, line, number);
        }
    }
    if (inside) block.faults.push_back({.kind = Kind::no_end, .line = number, .text = std::string(end_mark)});
    return block;
}

std::string without_bootloader_block(std::string_view text)
{
    std::string left;
    bool inside = false;
    for (std::string_view rest = text; !rest.empty();) {
        const std::string_view line = take_line(rest);
        if (line == begin_mark) inside = true;
        if (!inside) left.append(line).append("\n");
        if (line == end_mark) inside = false;
    }
    return left;
}

} // namespace ctx::check
