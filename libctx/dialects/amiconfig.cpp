#include "dialects/amiconfig.hpp"

#include <fmt/format.h>

#include <ctx/base/text.hpp>

namespace ctx {

std::string amiconfig_sections(const CernVm& cernvm)
{
    std::string keys;
    if (!cernvm.organisations.empty())
        keys += fmt::format("organisations={}\n", join(cernvm.organisations, ","));
    if (!cernvm.repositories.empty())
        keys += fmt::format("repositories={}\n", join(cernvm.repositories, ","));
    if (!cernvm.proxy.empty()) keys += fmt::format("proxy={}\n", cernvm.proxy);
    return keys.empty() ? "" : "[amiconfig]\nplugins=cernvm\n[cernvm]\n" + keys;
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
