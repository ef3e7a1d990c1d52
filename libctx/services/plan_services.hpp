// Services on and off, whatever starts them in this guest.
#pragma once

#include <string>
#include <vector>

#include <ctx/edit_plan.hpp>

namespace ctx {

// Throws Error (user) for a service to be on that the guest does not have. One to be off that is not there is
// off. A guest without an init system known here is left alone.
void plan_services(EditPlan& plan, const Context& context, const GuestFacts& facts);

// The names under which guests know sshd.
inline const std::vector<std::string> sshd_names = {"sshd", "ssh"};

} // namespace ctx
