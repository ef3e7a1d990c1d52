// A job as a batch system's hook sees it, and which guest it gets.
#pragma once

#include <string>

#include <sys/types.h>

#include "../settings/settings.hpp"
#include "job.hpp"

namespace runner {

struct BatchJob {
    Job job;
    std::string batch_system; // "torque" or "slurm"
    std::string queue;        // of Torque; Slurm's partition
    pid_t hook = 0;           // the process the batch system started; 0: this one
    // Whether a job that cannot have a guest now comes again: then a host whose guests die young pauses.
    bool comes_again = false;
    std::string directives; // the script, or its first lines, for `#VMBATCH` in it; "" if it is not known
};

// The profile the job gets: by its queue, or the one it asks for with a line `#VMBATCH profile=NAME` before
// the first command of its script, if the queue allows it. Null if the queue's jobs get no guest. Throws
// Error (user): a profile that is not for this queue, a directive that is none.
const Profile* choose_profile(const BatchJob& job, const Settings& settings);

} // namespace runner
