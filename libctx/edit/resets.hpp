// What an image remembers of the machine it was made on, and a new machine must not have: virt-sysprep's
// list, as far as a guest of one job meets it. An operation is a row of the table in resets.cpp.
#pragma once

#include <string>
#include <vector>

#include <ctx/edit_plan.hpp>

namespace ctx {

// The folders the table looks into.
std::vector<std::string> reset_folders();

void plan_resets(EditPlan& plan, const GuestFacts& facts);

} // namespace ctx
