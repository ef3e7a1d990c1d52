// systemd-networkd's .network files.
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "edit/plan_parts.hpp"
#include "network/plan_network.hpp"
#include "services/systemd_services.hpp"

namespace ctx {

namespace {

constexpr std::string_view folder = "/etc/systemd/network/";

std::string network_file(const StaticNetwork* fixed)
{
    if (fixed == nullptr) return "[Match]\nName=e*\n\n[Network]\nDHCP=yes\n";
    std::string text =
        fmt::format("[Match]\nMACAddress={}\n\n[Network]\nAddress={}\n", fixed->mac, fixed->address);
    if (!fixed->gateway.empty()) text += fmt::format("Gateway={}\n", fixed->gateway);
    for (const std::string& server : fixed->dns) text += fmt::format("DNS={}\n", server);
    return text;
}

} // namespace

void plan_networkd(EditPlan& plan, const StaticNetwork* fixed, const GuestFacts& facts)
{
    if (fixed == nullptr)
        for (const auto& file : facts.files)
            if (file.first.starts_with(folder) && file.first.ends_with(".network")) return; // its own
    // The first file that matches a card counts.
    add(plan, network_reason,
        edit::WriteFile{std::string(folder) + "05-vmbatch.network", network_file(fixed)});
    enable_unit(plan, facts, "systemd-networkd.service");
}

} // namespace ctx
