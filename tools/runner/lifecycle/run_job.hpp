// One job in one guest, from nothing to nothing.
#pragma once

#include <optional>
#include <string>

#include "../guest/ready.hpp"
#include "../hypervisor/hypervisor.hpp"
#include "../install_paths.hpp"
#include "../job/job.hpp"
#include "../settings/settings.hpp"
#include "../task/task.hpp"
#include "interruption.hpp"
#include "phases.hpp"

namespace runner {

struct JobEnd {
    int exit_code = 0;
    GuestReport guest;
    // Removal failed: what is left and why. 'vmbatch job gc' will try again.
    std::optional<std::string> leftover;
};

// Makes a guest, runs the task in it with our stdin, stdout and stderr, removes everything. The task's
// environment is completed by what profile and account give. Throws Error (GuestLost) or Interrupted, after
// everything has been removed.
JobEnd run_job(const Job& job, const Task& task, const Profile& profile, const Settings& settings,
               const InstallPaths& paths, Phases& phases, Interruption& interruption);

} // namespace runner
