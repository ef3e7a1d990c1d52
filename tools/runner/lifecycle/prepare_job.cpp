#include "prepare_job.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <utility>

#include <unistd.h>

#include "../guest/access.hpp"
#include "../ledger/tombstone.hpp"
#include "../resources/job_keys.hpp"
#include "end_job.hpp"
#include "fetch_image.hpp"
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
    return {settings.limits, Deadline::in(left - reserve)};
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
    const auto hypervisor =
        make_hypervisor(profile->hypervisor, settings.hypervisor, paths, settings.state_dir);
    fetch_missing_image(*profile, settings, plan.time, phases, interruption);
    const Findings found = phases.run("check", [&] {
        const Findings result = look_first(job, *profile, settings, *hypervisor, plan.time);
        clear_job(job.id, settings, paths, plan.time.within(settings.limits.remove));
        publish_state_directory(settings.state_dir, paths.run);
        return result;
    });
    Ledger ledger = Ledger::create(settings.state_dir, new_record(job, profile->name, profile->hypervisor),
                                   found.qemu.gid);
    or_remove(ledger, *hypervisor, settings.limits.remove, [&] {
        const pid_t hook = batch.hook != 0 ? batch.hook : ::getpid();
        if (ended_meanwhile(settings.state_dir, job.id, hook)) throw Interrupted{SIGTERM};
        const ReadyGuest guest = make_guest(plan, found, ledger, *hypervisor, phases, interruption);
        // A guest that lets nobody in is found out here, where the job can still be sent elsewhere.
        phases.run("connect", [&] {
            SshConnection::open(guest.ssh, plan.time.within(settings.limits.connect), interruption);
        });
        interruption.check();
        write_access(ledger.user_directory(), access_to(guest, job, batch.batch_system, settings));
        ledger.leave();
    });
}

void refuse_job(const BatchJob& batch, const Error& reason, const Settings& settings,
                const InstallPaths& paths, const Deadline& deadline)
{
    clear_job(batch.job.id, settings, paths, deadline);
    publish_state_directory(settings.state_dir, paths.run);
    Ledger ledger = Ledger::create(settings.state_dir, new_record(batch.job, "", ""), 0);
    give_user_directory(ledger, batch.job.user);
    write_access(ledger.user_directory(), {.job_id = batch.job.id,
                                           .batch_system = batch.batch_system,
                                           .user = batch.job.user,
                                           .address = {},
                                           .host_alias = {},
                                           .environment = {},
                                           .refused = reason.one_line()});
    ledger.leave();
}

} // namespace runner
