// CernVM 2 to 4 and other HEPiX guests: context.sh, whose EC2_USER_DATA is a script for root with amiconfig's
// sections after its end.
#include <algorithm>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

#include "dialects/amiconfig.hpp"
#include "dialects/base64.hpp"
#include "dialects/dialects.hpp"
#include "dialects/guest_payload.hpp"
#include "dialects/ipv4.hpp"
#include "dialects/seeds.hpp"

namespace ctx {

namespace {

// The boot loader and the HEPiX scripts look at no label. cloud-init (CernVM 4 and 5) takes an OpenNebula
// disc only if it is called CONTEXT or CDROM, in capitals.
constexpr std::string_view label = "CONTEXT";

// Linux takes no longer string into a new process' environment, and context.sh may be sourced to be exported.
constexpr std::size_t longest_variable = 131072 - 64;

std::string user_data(const Context& context, std::string_view disc_label)
{
    return "#!/bin/sh\n" + bootstrap(context, disc_label) + amiconfig_sections(context.cernvm) +
           bootloader_block(context.cernvm);
}

std::string network_variables(const StaticNetwork& network)
{
    const Ipv4Network own = split_network(network.address);
    std::string text = fmt::format("ETH0_MAC={}\nETH0_IP={}\nETH0_MASK={}\n", shell_quote(network.mac),
                                   shell_quote(own.address), own.netmask);
    if (!network.gateway.empty()) text += fmt::format("ETH0_GATEWAY={}\n", shell_quote(network.gateway));
    if (!network.dns.empty()) {
        const std::string servers = shell_quote(join(network.dns, " "));
        text += fmt::format("ETH0_DNS={}\nDNS={}\n", servers, servers);
    }
    return text;
}

bool has_early_commands(const Context& context)
{
    return std::ranges::any_of(context.commands,
                               [](const Command& command) { return command.when == Command::When::early; });
}

// HEPiX sources both with "start" or "stop". What they leave by exit is a subshell of their own.
std::string at_start(const std::string& text)
{
    return fmt::format("[ \"$1\" = start ] || return 0\n{}", text);
}

} // namespace

void add_hepix_seed(DiscTree& tree, const Context& context)
{
    std::string script = "ONE_CONTEXT_PATH=\"/var/lib/amiconfig\"\n";
    if (const auto keys = tree.files.find("vmbatch/keys/root"); keys != tree.files.end()) {
        tree.files["root.pub"] = keys->second;
        script += "ROOT_PUBKEY=root.pub\n";
    }
    if (context.network.fixed) script += network_variables(*context.network.fixed);
    const std::string data = base64(user_data(context, tree.label));
    if (data.size() > longest_variable)
        throw Error(Blame::user, "the context is too big for context.sh")
            .at("cernvm")
            .because(
                fmt::format("EC2_USER_DATA would have {} bytes, and {} is the most a shell variable holds",
                            data.size(), longest_variable))
            .mend("say less in [cernvm]; what is in [[file]] and [[archive]] does not count");
    // The same twice: the first for amiconfig, the other two for cloud-init. Whoever comes second finds it
    // done.
    script += fmt::format("EC2_USER_DATA={}\nUSER_DATA={}\nUSERDATA_ENCODING=base64\n", data, data);
    tree.files["context.sh"] = DiscFile{std::move(script)};

    // Before the network, where there is a prolog; and for HEPiX guests without amiconfig.
    if (has_early_commands(context))
        tree.files["prolog.sh"] = DiscFile{at_start(bootstrap(context, tree.label, SetUp::early))};
    tree.files["epilog.sh"] = DiscFile{at_start(bootstrap(context, tree.label))};
}

DiscTree render_cernvm(const Context& context)
{
    DiscTree tree;
    tree.label = label;
    add_payload(tree, context);
    add_hepix_seed(tree, context);
    return tree;
}

} // namespace ctx
