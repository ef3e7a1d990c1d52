// /etc/sysconfig/network-scripts/ifcfg-*: EL5 to EL9 (there read by NetworkManager).
#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include <ctx/base/text.hpp>

#include "dialects/ipv4.hpp"
#include "edit/plan_parts.hpp"
#include "network/plan_network.hpp"

namespace ctx {

namespace {

constexpr std::string_view folder = "/etc/sysconfig/network-scripts/";

// EL5 and EL6 call the first card eth0; since then names follow the slot and NetworkManager takes a file
// without DEVICE for any card.
bool has_plain_names(const GuestFacts& facts)
{
    const std::string major = facts.version.substr(0, facts.version.find('.'));
    return major == "4" || major == "5" || major == "6";
}

bool is_card(const std::string& path)
{
    return path.starts_with(std::string(folder) + "ifcfg-") && !path.ends_with("ifcfg-lo");
}

// Keys that name a machine, or a card of it.
bool names_a_card(const std::string& line)
{
    constexpr std::array keys = {"HWADDR", "MACADDR", "UUID", "DHCP_HOSTNAME"};
    return std::ranges::any_of(keys, [&](const std::string_view key) {
        return line.starts_with(key) && line.size() > key.size() && line[key.size()] == '=';
    });
}

// The image's own files, without their cards.
bool free_own_files(EditPlan& plan, const GuestFacts& facts)
{
    bool any = false;
    for (const auto& [path, file] : facts.files) {
        if (!is_card(path) || file.entry.kind != GuestEntry::Kind::file) continue;
        any = true;
        std::vector<std::string> lines = split(file.content, '\n');
        if (std::erase_if(lines, names_a_card) == 0) continue;
        edit::WriteFile change{path, join(lines, "\n")};
        change.keep_attributes = true;
        add(plan, "a card of another machine", std::move(change));
    }
    return any;
}

std::string lines_of(const StaticNetwork& fixed)
{
    const Ipv4Network network = split_network(fixed.address);
    std::string mac = fixed.mac;
    std::ranges::transform(mac, mac.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    std::string text = fmt::format("HWADDR={}\nBOOTPROTO=none\nIPADDR={}\nNETMASK={}\n", mac, network.address,
                                   network.netmask);
    if (!fixed.gateway.empty()) text += fmt::format("GATEWAY={}\n", fixed.gateway);
    for (std::size_t i = 0; i < fixed.dns.size(); ++i) text += fmt::format("DNS{}={}\n", i + 1, fixed.dns[i]);
    return text;
}

} // namespace

void plan_ifcfg(EditPlan& plan, const StaticNetwork* fixed, const GuestFacts& facts)
{
    if (fixed == nullptr && free_own_files(plan, facts)) return;
    const bool plain_names = has_plain_names(facts);
    const std::string path = std::string(folder) + (plain_names ? "ifcfg-eth0" : "ifcfg-vmbatch");
    if (fixed != nullptr)
        for (const auto& file : facts.files)
            if (is_card(file.first) && file.first != path)
                add(plan, network_reason, edit::Remove{file.first});
    add(plan, network_reason,
        edit::WriteFile{path, fmt::format("{}TYPE=Ethernet\nONBOOT=yes\n{}",
                                          plain_names ? "DEVICE=eth0\n" : "NAME=vmbatch\n",
                                          fixed != nullptr ? lines_of(*fixed) : "BOOTPROTO=dhcp\n")});
}

} // namespace ctx
