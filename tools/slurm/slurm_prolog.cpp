// slurm.conf's Prolog: makes the job's guest before the job begins.
#include <string>

#include <ctx/base/error.hpp>

#include "hook.hpp"
#include "job_watch.hpp"
#include "runner/journal/journal.hpp"
#include "runner/lifecycle/interruption.hpp"
#include "runner/lifecycle/phases.hpp"
#include "runner/lifecycle/prepare_job.hpp"
#include "slurm_job.hpp"

namespace {

using ctx::Error;
using slurm::Hook;

// Nothing is left, or what is left is the Epilog's.
int give_up(const Hook& hook, slurm::JobWatch::Finding finding)
{
    const std::string& id = hook.call.job_id;
    switch (finding) {
    case slurm::JobWatch::Finding::job_over: return 0; // its Epilog follows
    case slurm::JobWatch::Finding::slurmd_gone:
        slurm::say("job " + id + ": slurmd has ended; the job is queued again");
        hook.controller.requeue(id, hook.deadline);
        return 1;
    case slurm::JobWatch::Finding::wanted: break; // a signal from somebody else
    }
    return 1;
}

int prepare(const Hook& hook, const runner::BatchJob& job)
{
    runner::SignalInterruption interruption;
    slurm::JobWatch watch(hook.controller, hook.call.job_id);
    runner::Phases phases({});
    try {
        runner::Journal(hook.settings, "prologue", hook.call.job_id).follow(phases, [&] {
            runner::prepare_job(job, hook.settings, hook.paths, phases, interruption, hook.deadline);
        });
        watch.stop();
        interruption.check(); // found out when the guest was ready already
        return 0;
    } catch (const runner::Interrupted&) {
        return give_up(hook, watch.stop());
    }
}

int prolog(const Hook& hook)
{
    const slurm::JobRequest request = slurm::job_request(hook.environment);
    // A partition without guests costs slurmctld no question.
    if (runner::choose_profile({.job = {}, .batch_system = {}, .queue = request.partition, .directives = {}},
                               hook.settings) == nullptr)
        return 0;
    runner::BatchJob job = slurm::batch_job(hook.call.job_id, request, slurm::job_user(request));
    try {
        const slurm::Allocation allocation = hook.controller.allocation(hook.call.job_id, hook.deadline);
        slurm::add_allocation(job, request, allocation,
                              allocation.batch ? hook.controller.script(hook.call.job_id, hook.deadline)
                                               : "");
        return prepare(hook, job);
    } catch (const Error& error) {
        if (error.blame() != ctx::Blame::user || error.timed_out()) throw;
        // A failing Prolog drains the node: one user's mistake must not. The job hears of it from
        // remoteshell.
        slurm::say("job " + hook.call.job_id + ": refused: " + error.one_line());
        runner::refuse_job(job, error, hook.settings, hook.paths, hook.deadline);
        return 0;
    }
}

} // namespace

int main(int argc, char** argv)
{
    return slurm::run_hook("slurm-prolog", "Makes a job's guest, as slurm.conf's Prolog.", argc, argv,
                           prolog);
}
