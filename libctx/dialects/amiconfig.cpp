#include "dialects/amiconfig.hpp"

#include <map>
#include <vector>

#include <fmt/format.h>

#include <ctx/base/text.hpp>

namespace ctx {

namespace {

using Sections = std::map<std::string, std::map<std::string, std::string>>;

Sections all_sections(const CernVm& cernvm)
{
    Sections sections = cernvm.amiconfig;
    const auto say = [&](const char* key, const std::string& value) {
        if (!value.empty()) sections["cernvm"][key] = value;
    };
    say("organisations", join(cernvm.organisations, ","));
    say("repositories", join(cernvm.repositories, ","));
    // amiconfig writes it into a file that is sourced: without quotes DIRECT would be a command.
    if (!cernvm.proxy.empty()) say("proxy", "\"" + cernvm.proxy + "\"");
    return sections;
}

} // namespace

std::string amiconfig_sections(const CernVm& cernvm)
{
    std::vector<std::string> plugins;
    std::string text;
    for (const auto& [section, keys] : all_sections(cernvm)) {
        plugins.push_back(section);
        text += fmt::format("[{}]\n", section);
        for (const auto& [key, value] : keys) text += fmt::format("{}={}\n", key, value);
    }
    // Separated by blanks: amiconfig knows no commas there.
    return plugins.empty() ? "" : fmt::format("[amiconfig]\nplugins={}\n", join(plugins, " ")) + text;
}

// Read by the boot loader alone, which sources the lines as root's shell. check_context() lets no quotes,
// blanks or dollars in.
std::string bootloader_block(const CernVm& cernvm)
{
    if (cernvm.bootloader.empty()) return "";
    std::string text = "[ucernvm-begin]\n";
    for (const auto& [key, value] : cernvm.bootloader) text += fmt::format("{}=\"{}\"\n", key, value);
    return text + "[ucernvm-end]\n";
}

} // namespace ctx
