// CernVM 2 to 4 and other HEPiX guests: context.sh, whose EC2_USER_DATA is a script for root with amiconfig's
// sections after its end.
#include <cstdint>

#include <arpa/inet.h>

#include <fmt/format.h>

#include <ctx/base/text.hpp>

#include "dialects/base64.hpp"
#include "dialects/dialects.hpp"
#include "dialects/guest_payload.hpp"

namespace ctx {

namespace {

// The boot loader and the HEPiX scripts look at no label. cloud-init (CernVM 4 and 5) takes an OpenNebula
// disc only if it is called CONTEXT or CDROM, in capitals.
constexpr std::string_view label = "CONTEXT";

// Read by the boot loader alone, which sources the lines as root's shell. check_context() lets no quotes,
// blanks or dollars in.
std::string bootloader_block(const CernVm& cernvm)
{
    if (cernvm.bootloader.empty()) return "";
    std::string text = "[ucernvm-begin]\n";
    for (const auto& [key, value] : cernvm.bootloader) text += fmt::format("{}=\"{}\"\n", key, value);
    return text + "[ucernvm-end]\n";
}

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

std::string user_data(const Context& context)
{
    return "#!/bin/sh\n" + bootstrap(context, label) + amiconfig_sections(context.cernvm) +
           bootloader_block(context.cernvm);
}

std::string netmask(unsigned prefix)
{
    const std::uint32_t bits = prefix == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix);
    return fmt::format("{}.{}.{}.{}", bits >> 24, bits >> 16 & 255, bits >> 8 & 255, bits & 255);
}

std::string network_variables(const StaticNetwork& network)
{
    const std::size_t slash = network.address.find('/');
    const auto prefix = static_cast<unsigned>(std::stoul(network.address.substr(slash + 1)));
    std::string text = fmt::format("ETH0_MAC={}\nETH0_IP={}\nETH0_MASK={}\n", shell_quote(network.mac),
                                   shell_quote(network.address.substr(0, slash)), netmask(prefix));
    if (!network.gateway.empty()) text += fmt::format("ETH0_GATEWAY={}\n", shell_quote(network.gateway));
    if (!network.dns.empty()) {
        const std::string servers = shell_quote(join(network.dns, " "));
        text += fmt::format("ETH0_DNS={}\nDNS={}\n", servers, servers);
    }
    return text;
}

} // namespace

DiscTree render_cernvm(const Context& context)
{
    DiscTree tree;
    tree.label = label;
    add_payload(tree, context);

    const std::string data = base64(user_data(context));
    std::string script = "ONE_CONTEXT_PATH=\"/var/lib/amiconfig\"\n";
    if (const auto keys = tree.files.find("vmbatch/keys/root"); keys != tree.files.end()) {
        tree.files["root.pub"] = keys->second;
        script += "ROOT_PUBKEY=root.pub\n";
    }
    if (context.network.fixed) script += network_variables(*context.network.fixed);
    // The same twice: the first for amiconfig, the other two for cloud-init. Whoever comes second finds it
    // done.
    script += fmt::format("EC2_USER_DATA={}\nUSER_DATA={}\nUSERDATA_ENCODING=base64\n", data, data);
    tree.files["context.sh"] = DiscFile{std::move(script)};
    return tree;
}

} // namespace ctx
