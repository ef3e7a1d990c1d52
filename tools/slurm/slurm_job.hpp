// What Slurm knows of a job as the runner wants to hear it.
#pragma once

#include <string>

#include <ctx/context.hpp>

#include "allocation.hpp"
#include "hook_environment.hpp"
#include "runner/job/batch_job.hpp"

namespace slurm {

// The account with the job's group as its first one (`newgrp` before sbatch). Throws Error (node) if the node
// does not know the account, or it is not in the group: slurmctld let both pass.
ctx::User job_user(const JobRequest& request);
ctx::User with_group(ctx::User user, gid_t gid);

// As far as the environment goes: enough to refuse the job.
runner::BatchJob batch_job(const std::string& id, const JobRequest& request, const ctx::User& user);

// The rest. A guest is as large as the job's share of the node. Throws Error (user) for more than one node.
void add_allocation(runner::BatchJob& job, const JobRequest& request, const Allocation& allocation,
                    std::string script);

} // namespace slurm
