// /etc/network/interfaces: ifupdown, Debian's own.
#include <algorithm>
#include <charconv>
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

constexpr const char* interfaces_file = "/etc/network/interfaces";
constexpr std::string_view folder = "/etc/network/interfaces.d/";

bool has_card(std::string_view text)
{
    return std::ranges::any_of(split(text, '\n'), [](const std::string& line) {
        return line.starts_with("iface ") && !line.starts_with("iface lo ");
    });
}

// "auto /mac/…" came with Debian 9's; before it cards were called eth0.
bool knows_patterns(const GuestFacts& facts)
{
    int major = 0;
    std::from_chars(facts.version.data(), facts.version.data() + facts.version.size(), major);
    constexpr int first_debian = 9;
    constexpr int first_ubuntu = 17;
    if (facts.distribution == "ubuntu") return major >= first_ubuntu;
    return facts.distribution != "debian" || major == 0 || major >= first_debian;
}

std::string stanza(const StaticNetwork* fixed, bool patterns)
{
    std::string text;
    if (patterns)
        text += fmt::format("auto /{}=vmbatch\niface vmbatch",
                            fixed != nullptr ? "mac/" + fixed->mac : std::string("e*/1"));
    else
        text += "auto eth0\niface eth0";
    if (fixed == nullptr) return text + " inet dhcp\n";
    // Apart: ifupdown before 0.7.1 knows no prefix.
    const Ipv4Network network = split_network(fixed->address);
    text += fmt::format(" inet static\n    address {}\n    netmask {}\n", network.address, network.netmask);
    if (!fixed->gateway.empty()) text += fmt::format("    gateway {}\n", fixed->gateway);
    if (!fixed->dns.empty()) text += fmt::format("    dns-nameservers {}\n", join(fixed->dns, " "));
    return text;
}

} // namespace

void plan_interfaces(EditPlan& plan, const StaticNetwork* fixed, const GuestFacts& facts)
{
    bool own = has_card(facts.text(interfaces_file));
    for (const auto& [path, file] : facts.files)
        if (path.starts_with(folder)) own = own || has_card(file.content);
    if (fixed == nullptr && own) return;
    for (const auto& file : facts.files)
        if (file.first.starts_with(folder)) add(plan, network_reason, edit::Remove{file.first});
    add(plan, network_reason,
        edit::WriteFile{interfaces_file,
                        "auto lo\niface lo inet loopback\n\n" + stanza(fixed, knows_patterns(facts))});
}

} // namespace ctx
