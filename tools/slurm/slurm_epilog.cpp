// slurm.conf's Epilog: whatever became of the job, its guest and all that was made for it go.
#include <ctx/base/deadline.hpp>

#include "hook.hpp"
#include "runner/journal/journal.hpp"
#include "runner/lifecycle/end_job.hpp"
#include "runner/lifecycle/phases.hpp"

namespace {

int epilog(const slurm::Hook& hook)
{
    const ctx::Deadline deadline =
        ctx::Deadline::earlier(ctx::Deadline::in(hook.settings.limits.remove), hook.deadline);
    runner::Phases phases({});
    runner::Journal(hook.settings, "epilogue", hook.call.job_id).follow(phases, [&] {
        phases.run("remove", [&] { runner::end_job(hook.call.job_id, hook.settings, hook.paths, deadline); });
    });
    return 0;
}

} // namespace

int main(int argc, char** argv)
{
    return slurm::run_hook("slurm-epilog", "Removes a job's guest, as slurm.conf's Epilog.", argc, argv,
                           epilog);
}
