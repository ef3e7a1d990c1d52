// The process that talks to the guest.
#pragma once

#include <filesystem>

#include "../runner/guest/access.hpp"
#include "leader.hpp"
#include "plan_task.hpp"

namespace remoteshell {

// Connects, runs the task, passes on the leader's signals. Throws Error (GuestLost).
ctx::ExitStatus work(const runner::GuestAccess& access, const std::filesystem::path& directory,
                     const PlannedTask& plan, const FromLeader& leader);

} // namespace remoteshell
