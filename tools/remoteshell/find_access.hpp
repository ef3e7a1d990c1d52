// Which job we are called for, and how to get into its guest.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "../runner/guest/access.hpp"
#include "../runner/install_paths.hpp"

namespace remoteshell {

struct FoundAccess {
    runner::GuestAccess access;
    std::filesystem::path directory; // the job's `user` directory: key, known hosts
};

// By PBS_JOBID or SLURM_JOB_ID, below the state directory that the prologue has published. A user can name
// another job of his own, no more: the directories of others are closed to him. Throws Error: node if the job
// has no guest, user if no batch system has called.
FoundAccess find_access(const std::vector<std::string>& environment, const runner::InstallPaths& paths);

// From here on we are the job's user, also if we are called as root, for good. Throws Error (node).
void become(const ctx::User& user);

} // namespace remoteshell
