// What slurmd tells Prolog and Epilog: all of it is in their environment. (The manual's SLURM_JOB_NAME is not
// there, nor is a PATH to rely on.) Job names, comments and directories are the user's text.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace slurm {

using Environment = std::vector<std::string>; // NAME=VALUE

// What either hook needs, whatever it is called for.
struct HookCall {
    std::string job_id; // SLURM_JOB_ID: of an array's task too a number of its own
    std::string node;   // the node's name in Slurm, which need not be a host name
    std::string conf;   // where slurm.conf is; empty: Slurm's own place
};

// What a Prolog is told of the job.
struct JobRequest {
    uid_t uid = 0;
    gid_t gid = 0;
    std::string partition;
    std::string workdir;
    unsigned nodes = 1;
    unsigned cpus = 1; // allocated on this node, if it is the only one
};

Environment own_environment();

// Both throw Error (node): something is missing, or not as slurmd writes it.
HookCall hook_call(const Environment& environment);
JobRequest job_request(const Environment& environment);

} // namespace slurm
