// cloud-init's NoCloud, as in stock cloud images.
#include <fmt/format.h>

#include <ctx/base/text.hpp>

#include "dialects/cloud_config.hpp"
#include "dialects/dialects.hpp"
#include "dialects/guest_payload.hpp"
#include "dialects/seeds.hpp"

namespace ctx {

namespace {

// Lower case: old cloud-init takes no other.
constexpr std::string_view label = "cidata";

std::string meta_data(const Context& context)
{
    std::string text = fmt::format("instance-id: \"{}\"\n", instance_id(context));
    if (!context.hostname.empty()) text += fmt::format("local-hostname: \"{}\"\n", context.hostname);
    return text;
}

// Version 2. set-name: cloud-init's ifupdown renderer knows interfaces by name only.
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

void add_nocloud_seed(DiscTree& tree, const Context& context)
{
    tree.files["user-data"] = DiscFile{cloud_config(context, tree.label)};
    tree.files["meta-data"] = DiscFile{meta_data(context)};
    tree.files["vendor-data"] = DiscFile{std::string()}; // nothing, said: cloud-init asks for it
    if (context.network.fixed)
        tree.files["network-config"] = DiscFile{network_config(*context.network.fixed)};
}

DiscTree render_nocloud(const Context& context)
{
    DiscTree tree;
    tree.label = label;
    add_payload(tree, context);
    add_nocloud_seed(tree, context);
    return tree;
}

} // namespace ctx
