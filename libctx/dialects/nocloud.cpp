// cloud-init's NoCloud, as in stock cloud images.
#include <fmt/format.h>

#include <ctx/base/text.hpp>

#include "dialects/dialects.hpp"
#include "dialects/guest_payload.hpp"

namespace ctx {

namespace {

constexpr std::string_view label = "cidata";

// cloud-init is asked for one thing only, the bootstrap, in its first stage with a network: it comes before
// sshd there. Its other modules would do what the set-up does, later, and cost half a minute where the guest
// is emulated.
constexpr std::string_view cloud_config = R"(#cloud-config
cloud_init_modules: [bootcmd]
cloud_config_modules: []
cloud_final_modules: []
bootcmd:
  - |
)";

std::string user_data(const Context& context)
{
    std::string text(cloud_config);
    for (const std::string& line : split(bootstrap(context, label), '\n'))
        text += line.empty() ? "\n" : "    " + line + "\n";
    text.pop_back(); // the bootstrap's own last line feed
    return text;
}

std::string meta_data(const Context& context)
{
    std::string text = fmt::format("instance-id: \"{}\"\n", instance_id(context));
    if (!context.hostname.empty()) text += fmt::format("local-hostname: \"{}\"\n", context.hostname);
    return text;
}

// set-name: cloud-init's ifupdown renderer knows interfaces by name only.
std::string network_config(const StaticNetwork& network)
{
    std::string text = fmt::format("version: 2\nethernets:\n  eth0:\n    match: {{ macaddress: \"{}\" }}\n"
                                   "    set-name: eth0\n    addresses: [\"{}\"]\n",
                                   network.mac, network.address);
    if (!network.gateway.empty()) text += fmt::format("    gateway4: \"{}\"\n", network.gateway);
    if (!network.dns.empty())
        text += fmt::format("    nameservers: {{ addresses: [\"{}\"] }}\n", join(network.dns, "\", \""));
    return text;
}

} // namespace

DiscTree render_nocloud(const Context& context)
{
    DiscTree tree;
    tree.label = label;
    add_payload(tree, context);
    tree.files["user-data"] = DiscFile{user_data(context)};
    tree.files["meta-data"] = DiscFile{meta_data(context)};
    if (context.network.fixed)
        tree.files["network-config"] = DiscFile{network_config(*context.network.fixed)};
    return tree;
}

} // namespace ctx
