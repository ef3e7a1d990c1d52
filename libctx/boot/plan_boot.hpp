// What can only be done by the guest that runs: mounts, with retries; commands; the report that it is ready.
// A script, and what starts it.
#pragma once

#include <string>
#include <string_view>

#include <ctx/edit_plan.hpp>

namespace ctx {

void plan_boot(EditPlan& plan, const Context& context, const GuestFacts& facts);

// A line run at the end of an rc.local, before a last "exit".
std::string with_local_command(std::string_view rc_local, const std::string& line);

} // namespace ctx
