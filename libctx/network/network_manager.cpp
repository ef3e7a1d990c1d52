// NetworkManager's keyfiles, where it reads nothing else.
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <ctx/base/text.hpp>

#include "edit/plan_parts.hpp"
#include "network/plan_network.hpp"

namespace ctx {

namespace {

constexpr std::string_view folder = "/etc/NetworkManager/system-connections/";

std::string keyfile(const StaticNetwork& fixed)
{
    std::string text =
        fmt::format("[connection]\nid=vmbatch\ntype=ethernet\nautoconnect=true\n\n[ethernet]\n"
                    "mac-address={}\n\n[ipv4]\nmethod=manual\naddress1={}{}\n",
                    fixed.mac, fixed.address, fixed.gateway.empty() ? "" : "," + fixed.gateway);
    if (!fixed.dns.empty()) text += fmt::format("dns={};\n", join(fixed.dns, ";"));
    return text + "\n[ipv6]\nmethod=auto\n";
}

} // namespace

void plan_network_manager(EditPlan& plan, const StaticNetwork* fixed, const GuestFacts& facts)
{
    // Left alone it makes a connection by DHCP for every card; profiles of the image may be for other cards.
    for (const auto& file : facts.files)
        if (file.first.starts_with(folder))
            add(plan, "a connection of another machine", edit::Remove{file.first});
    if (fixed == nullptr) return;
    // It ignores files that others can read.
    add(plan, network_reason,
        edit::WriteFile{std::string(folder) + "vmbatch.nmconnection", keyfile(*fixed), 0600});
}

} // namespace ctx
