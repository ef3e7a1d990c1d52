// /etc/netplan/*.yaml: Ubuntu since 17.10, Debian's cloud images since 12.
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <ctx/base/text.hpp>

#include "edit/plan_parts.hpp"
#include "network/plan_network.hpp"

namespace ctx {

namespace {

constexpr std::string_view folder = "/etc/netplan/";

std::string ethernet(const StaticNetwork* fixed)
{
    if (fixed == nullptr) return "      match: {name: \"e*\"}\n      dhcp4: true\n";
    std::string text = fmt::format("      match: {{macaddress: \"{}\"}}\n      addresses: [\"{}\"]\n",
                                   fixed->mac, fixed->address);
    // "default" came later than "0.0.0.0/0", which all versions read.
    if (!fixed->gateway.empty())
        text += fmt::format("      routes: [{{to: \"0.0.0.0/0\", via: \"{}\"}}]\n", fixed->gateway);
    if (!fixed->dns.empty())
        text += fmt::format("      nameservers: {{addresses: [\"{}\"]}}\n", join(fixed->dns, "\", \""));
    return text;
}

} // namespace

void plan_netplan(EditPlan& plan, const StaticNetwork* fixed, const GuestFacts& facts)
{
    for (const auto& file : facts.files) {
        if (!file.first.starts_with(folder) || !file.first.ends_with(".yaml")) continue;
        if (fixed == nullptr) return; // its own
        add(plan, network_reason, edit::Remove{file.first});
    }
    // 0600: newer versions complain of anything else.
    add(plan, network_reason,
        edit::WriteFile{std::string(folder) + "90-vmbatch.yaml",
                        "network:\n  version: 2\n  ethernets:\n    vmbatch:\n" + ethernet(fixed), 0600});
}

} // namespace ctx
