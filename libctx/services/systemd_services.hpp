// Services on and off as systemctl enable and disable do it on a root that does not run.
#pragma once

#include <string>

#include <ctx/edit_plan.hpp>

namespace ctx {

// False if the guest has no such unit. Throws Error (user) for one that is masked.
bool enable_unit(EditPlan& plan, const GuestFacts& facts, const std::string& unit);
bool disable_unit(EditPlan& plan, const GuestFacts& facts, const std::string& unit);

} // namespace ctx
