// OpenStack's config drive, which cloud images know beside NoCloud. All of it is JSON.
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "dialects/cloud_config.hpp"
#include "dialects/dialects.hpp"
#include "dialects/guest_payload.hpp"
#include "dialects/ipv4.hpp"

namespace ctx {

namespace {

using nlohmann::json;

// Lower case: old cloud-init takes no other.
constexpr std::string_view label = "config-2";

json meta_data(const Context& context)
{
    json data = {{"uuid", instance_id(context)}};
    if (!context.hostname.empty()) data["hostname"] = context.hostname;
    return data;
}

json network_data(const StaticNetwork& fixed)
{
    const Ipv4Network own = split_network(fixed.address);
    json network = {{"id", "network0"},
                    {"type", "ipv4"},
                    {"link", "eth0"},
                    {"ip_address", own.address},
                    {"netmask", own.netmask}};
    // As OpenStack's own "routes" it would be set by route(8), which stock Debian has not.
    if (!fixed.gateway.empty()) network["gateway"] = fixed.gateway;
    json services = json::array();
    for (const std::string& server : fixed.dns) services.push_back({{"type", "dns"}, {"address", server}});
    return {{"links", {{{"id", "eth0"}, {"type", "phy"}, {"ethernet_mac_address", fixed.mac}}}},
            {"networks", {std::move(network)}},
            {"services", std::move(services)}};
}

} // namespace

DiscTree render_configdrive(const Context& context)
{
    DiscTree tree;
    tree.label = label;
    add_payload(tree, context);
    const auto add = [&](const char* name, std::string text) {
        tree.files[std::string("openstack/latest/") + name] = DiscFile{std::move(text)};
    };
    add("user_data", cloud_config(context, label));
    add("meta_data.json", meta_data(context).dump(2) + "\n");
    add("vendor_data.json", "{}\n");
    if (context.network.fixed) add("network_data.json", network_data(*context.network.fixed).dump(2) + "\n");
    return tree;
}

} // namespace ctx
