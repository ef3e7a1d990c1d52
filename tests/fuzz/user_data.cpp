// Whatever the text: readers of user data come to an end, and a guest's verdict on it is one text. Built with
// -fsanitize=fuzzer,address.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <ctx/check/report.hpp>

#include "check/userdata/amiconfig_ini.hpp"
#include "check/userdata/bootloader_block.hpp"
#include "check/userdata/cloud_parts.hpp"
#include "check/userdata/shell_words.hpp"

namespace {

using namespace ctx::check;

void require(bool good)
{
    if (!good) __builtin_trap();
}

void read(std::string_view text)
{
    for (const IniSection& section : parse_amiconfig_ini(text).sections) {
        require(!section.name.empty());
        for (const auto& [key, value] : section.keys) require(value.find('\n') == std::string::npos);
    }
    for (const BlockSetting& setting : parse_bootloader_block(text).settings) require(!setting.key.empty());
    for (const auto& [name, word] : read_shell_variables(text).variables) require(!word.unterminated);
    require(read_shell_word(text).length <= text.size());
    for (const CloudPart& part : read_cloud_user_data(text).parts) {
        for (const std::string& key : read_cloud_config(part.text).twice)
            require(key.size() <= part.text.size());
    }
}

// The text as each format's file, at once.
void predict_all(const std::string& text)
{
    Medium disc{.place = "disc", .device = "sr0", .label = "cidata", .files = {}};
    for (const std::string& file : files_of_interest()) disc.files[file] = {.content = text};
    constexpr std::array<const char*, 3> labels = {"cidata", "config-2", "CONTEXT"};
    disc.label = labels.at(text.size() % labels.size());
    for (const std::string& guest : guest_names()) {
        const Report report = predict({.media = {disc}, .disks = {}}, guest);
        for (const Finding& finding : report.findings)
            require(!finding.id.empty() && !finding.reason.empty());
        for (const char c : to_text(report)) require(c == '\n' || (c >= ' ' && c <= '~') || (c & 0x80) != 0);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string text(reinterpret_cast<const char*>(data), size);
    read(text);
    predict_all(text);
    return 0;
}
