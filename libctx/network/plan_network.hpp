// How the guest gets on its network, told in the words of what sets it up there.
#pragma once

#include <string>

#include <ctx/edit_plan.hpp>

namespace ctx {

// A fixed address is always written. For DHCP an image's own set-up stands, but for what ties it to the
// machine that the image was made on; where there is none, one for the first card is written. Throws Error
// (user) for a fixed address in a guest whose network nothing here knows how to set up.
void plan_network(EditPlan& plan, const Context& context, const GuestFacts& facts);

// One for each stack. Null `fixed`: DHCP.
void plan_ifcfg(EditPlan& plan, const StaticNetwork* fixed, const GuestFacts& facts);
void plan_network_manager(EditPlan& plan, const StaticNetwork* fixed, const GuestFacts& facts);
void plan_netplan(EditPlan& plan, const StaticNetwork* fixed, const GuestFacts& facts);
void plan_networkd(EditPlan& plan, const StaticNetwork* fixed, const GuestFacts& facts);
void plan_interfaces(EditPlan& plan, const StaticNetwork* fixed, const GuestFacts& facts);

inline constexpr const char* network_reason = "network";

} // namespace ctx
