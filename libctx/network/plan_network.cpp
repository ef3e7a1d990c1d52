#include "network/plan_network.hpp"

#include <ctx/base/error.hpp>

#include "edit/plan_parts.hpp"

namespace ctx {

namespace {

// udev before 197 remembers each card it sees: the card of this machine would be eth1.
void forget_cards(EditPlan& plan, const GuestFacts& facts)
{
    constexpr const char* rules = "/etc/udev/rules.d/70-persistent-net.rules";
    if (facts.has(rules)) add(plan, "cards of another machine", edit::Remove{rules});
}

// Where no service of the guest keeps it: a link belongs to one.
void plan_resolver(EditPlan& plan, const StaticNetwork& fixed, const GuestFacts& facts)
{
    constexpr const char* path = "/etc/resolv.conf";
    const auto found = facts.files.find(path);
    const bool is_link = found != facts.files.end() && found->second.entry.kind == GuestEntry::Kind::link;
    if (fixed.dns.empty() || is_link) return;
    std::string text;
    for (const std::string& server : fixed.dns) text += "nameserver " + server + "\n";
    add(plan, "resolver", edit::WriteFile{path, text});
}

} // namespace

void plan_network(EditPlan& plan, const Context& context, const GuestFacts& facts)
{
    const StaticNetwork* fixed = context.network.fixed ? &*context.network.fixed : nullptr;
    forget_cards(plan, facts);
    switch (facts.network) {
    case NetworkStack::ifcfg: plan_ifcfg(plan, fixed, facts); break;
    case NetworkStack::network_manager: plan_network_manager(plan, fixed, facts); break;
    case NetworkStack::netplan: plan_netplan(plan, fixed, facts); break;
    case NetworkStack::networkd: plan_networkd(plan, fixed, facts); break;
    case NetworkStack::interfaces: plan_interfaces(plan, fixed, facts); break;
    case NetworkStack::none:
        if (fixed == nullptr) return;
        throw Error(Blame::user, "this guest cannot be given a fixed address")
            .because("nothing known here sets up its network")
            .mend("use DHCP, or another image");
    }
    if (fixed != nullptr) plan_resolver(plan, *fixed, facts);
}

} // namespace ctx
