// Services on and off by the links in rc?.d: as chkconfig makes them (Red Hat's guests), as update-rc.d does
// (Debian's).
#pragma once

#include <string>

#include <ctx/edit_plan.hpp>

namespace ctx {

// Where the guest has its links: "/etc/rc.d" or "/etc".
bool has_chkconfig_layout(const GuestFacts& facts);

// False if the guest has no such script. Throws Error (user) for one whose head says nothing of runlevels.
bool enable_script(EditPlan& plan, const GuestFacts& facts, const std::string& name);
bool disable_script(EditPlan& plan, const GuestFacts& facts, const std::string& name);

} // namespace ctx
