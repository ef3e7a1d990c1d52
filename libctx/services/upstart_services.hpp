// Services on and off by upstart's jobs in /etc/init.
#pragma once

#include <string>
#include <string_view>

#include <ctx/edit_plan.hpp>

namespace ctx {

// False if the guest has no such job.
bool enable_job(EditPlan& plan, const GuestFacts& facts, const std::string& name);
bool disable_job(EditPlan& plan, const GuestFacts& facts, const std::string& name);

// A job without its "start on" stanza, which goes on while its parentheses are open.
std::string without_start_on(std::string_view job);

} // namespace ctx
