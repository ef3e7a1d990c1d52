#include "prepare_job.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <utility>

#include <unistd.h>

#include "../guest/access.hpp"
#include "../ledger/owner.hpp"
#include "../resources/job_keys.hpp"
#include "end_job.hpp"
#include "fetch_image.hpp"
#include "image_health.hpp"
#include "make_guest.hpp"
#include "publish_state.hpp"
#include "remove_job.hpp"

namespace runner {

using namespace std::chrono_literals;
using ctx::Deadline;
using ctx::Error;

namespace {

// What is left of the time, less what removing may take.
TimeLimits limits_of(const Settings& settings, const Deadline& deadline)
{
    const auto left = deadline.left();
    const auto reserve = std::min(settings.limits.remove, left / 4);
    return {settings.limits, Deadline::in(left - reserve), deadline};
}

pid_t hook_of(const BatchJob& batch)
{
    return batch.hook != 0 ? batch.hook : ::getpid();
}

// A new run of the job, in the place of all earlier ones.
Ledger begin_run(const BatchJob& batch, const std::string& profile, const std::string& hypervisor,
                 gid_t disk_group, const Settings& settings, const InstallPaths& paths,
                 const Deadline& deadline)
{
    const pid_t hook = hook_of(batch);
    JobRecord record = new_record(batch.job, profile, hypervisor);
    record.prologue = start_ticks(hook);
    for (;;) {
        clear_for_prologue(batch.job.id, hook, settings, paths, deadline);
        try {
            return Ledger::create(settings.state_dir, record, disk_group);
        } catch (const IdInUse&) { // another prologue was quicker
            if (deadline.passed())
                throw Error(ctx::Blame::node, "other prologues of the job make it again and again")
                    .at(job_directory(settings.state_dir, batch.job.id).string())
                    .mend("see why the batch system starts so many")
                    .as_timeout();
        }
    }
}

ReadyGuest make_or_note_death(const GuestPlan& plan, const Findings& found, Ledger& ledger,
                              Hypervisor& hypervisor, Phases& phases, Interruption& interruption)
{
    const ImageHealth health(plan.settings.state_dir);
    try {
        ReadyGuest guest = make_guest(plan, found, ledger, hypervisor, phases, interruption);
        health.guest_became_ready(found.image.digest);
        return guest;
    } catch (const Error& error) {
        // One that is only slow did not die.
        if (phases.failed() == "ready" && !error.timed_out())
            health.guest_died(found.image.digest, plan.profile.image, error.what());
        throw;
    }
}

void prepare(const GuestPlan& plan, const BatchJob& batch, Phases& phases, Interruption& interruption)
{
    const Settings& settings = plan.settings;
    const auto hypervisor =
        make_hypervisor(plan.profile.hypervisor, settings.hypervisor, plan.paths, settings.state_dir);
    fetch_missing_image(plan.profile, settings, plan.time, phases, interruption);
    const Findings found = phases.run("check", [&] {
        const Findings result = look_first(plan.job, plan.profile, settings, *hypervisor, plan.time);
        if (batch.comes_again) ImageHealth(settings.state_dir).require_rest_is_over(result.image.digest);
        publish_state_directory(settings.state_dir, plan.paths.run);
        return result;
    });
    reached(Step::host_checked);
    Ledger ledger = phases.run("clear", [&] {
        return begin_run(batch, plan.profile.name, plan.profile.hypervisor, found.qemu.gid, settings,
                         plan.paths, plan.time.within(settings.limits.remove));
    });
    or_remove(ledger, *hypervisor, plan.time, [&] {
        require_not_overtaken(plan.job.id, hook_of(batch), settings);
        reached(Step::found_wanted);
        const ReadyGuest guest = make_or_note_death(plan, found, ledger, *hypervisor, phases, interruption);
        // A guest that lets nobody in is found out here, where the job can still be sent elsewhere.
        phases.run("connect", [&] {
            SshConnection::open(guest.ssh, plan.time.within(settings.limits.connect), interruption);
        });
        reached(Step::guest_entered);
        interruption.check();
        write_access(ledger.user_directory(), access_to(guest, plan.job, batch.batch_system, settings));
        reached(Step::access_written);
        ledger.leave();
    });
}

} // namespace

void prepare_job(const BatchJob& batch, const Settings& settings, const InstallPaths& paths, Phases& phases,
                 Interruption& interruption, const Deadline& deadline)
{
    const Profile* profile = choose_profile(batch, settings);
    if (profile == nullptr) return;
    Job job = batch.job;
    // What a batch job asks for is for its processes; a machine needs a little more than the smallest of
    // them.
    if (job.memory) job.memory = std::max(*job.memory, profile->memory_default);

    const GuestPlan plan{job, *profile, settings, paths, limits_of(settings, deadline)};
    try {
        prepare(plan, batch, phases, interruption);
    } catch (Error& error) {
        if (error.timed_out() && plan.time.whole.passed())
            error.add_context("using up all the time that the batch system gives a prologue");
        throw;
    }
}

void refuse_job(const BatchJob& batch, const Error& reason, const Settings& settings,
                const InstallPaths& paths, const Deadline& deadline)
try {
    publish_state_directory(settings.state_dir, paths.run);
    Ledger ledger = begin_run(batch, "", "", 0, settings, paths, deadline);
    give_user_directory(ledger, batch.job.user);
    write_access(ledger.user_directory(), {.job_id = batch.job.id,
                                           .batch_system = batch.batch_system,
                                           .user = batch.job.user,
                                           .address = {},
                                           .host_alias = {},
                                           .environment = {},
                                           .refused = reason.one_line()});
    ledger.leave();
} catch (const Interrupted&) { // NOLINT(bugprone-empty-catch): the job has been ended, nobody will ask
}

} // namespace runner
