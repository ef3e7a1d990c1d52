#include "run_job.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <utility>

#include <poll.h>

#include <ctx/base/error.hpp>

#include "../guest/guest_lost.hpp"
#include "../guest/keep_flags.hpp"
#include "../guest/task_session.hpp"
#include "../task/environment.hpp"
#include "fetch_image.hpp"
#include "make_guest.hpp"
#include "remove_job.hpp"

namespace runner {

using namespace std::chrono_literals;
using ctx::Blame;
using ctx::Deadline;
using ctx::Error;

namespace {

void wait_for(TaskSession& session, const std::function<bool()>& guest_runs, Interruption& interruption)
{
    constexpr auto look_every = 5s;
    for (;;) {
        std::array<pollfd, 2> watched = {{{.fd = session.pidfd(), .events = POLLIN, .revents = 0},
                                          {.fd = interruption.fd(), .events = POLLIN, .revents = 0}}};
        ::poll(watched.data(), watched.size(),
               static_cast<int>(std::chrono::milliseconds(look_every).count()));
        interruption.check();
        if (session.ended()) return;
        // A dead guest does not close its connections.
        if (!guest_runs())
            throw GuestLost(Error(Blame::node, "the guest was lost while the job ran")
                                .because("it ended, or was ended, before its job")
                                .mend("libvirtd's log of the guest may say why; the job can be run again"));
    }
}

Task with_guest_environment(Task task, const ReadyGuest& guest, const Job& job)
{
    task.environment = task_environment({.given = std::move(task.environment),
                                         .defaults = guest.environment,
                                         .user = job.user,
                                         .job_id = job.id,
                                         .account = AccountVariables::of_the_account});
    return task;
}

JobEnd run_in_guest(const GuestPlan& plan, const Task& asked, const Findings& found, Ledger& ledger,
                    Hypervisor& hypervisor, Phases& phases, Interruption& interruption)
{
    const TimeLimits& time = plan.time;
    const ReadyGuest guest = make_guest(plan, found, ledger, hypervisor, phases, interruption);
    const Task task = with_guest_environment(asked, guest, plan.job);
    const SshConnection connection = phases.run("connect", [&] {
        const Deadline deadline = time.within(time.phases.connect);
        SshConnection opened = SshConnection::open(guest.ssh, deadline, interruption);
        TaskSession::send(opened, task, deadline);
        write_access(ledger.user_directory(), access_to(guest, plan.job, "", plan.settings));
        return opened;
    });
    const ctx::ExitStatus status = phases.run("run", [&] {
        const KeepFlags keep;
        TaskSession session(connection, task, {});
        wait_for(
            session, [&] { return hypervisor.is_running(ledger.job().uuid, time.within(time.phases.start)); },
            interruption);
        return session.result();
    });
    constexpr int first_signal = 128;
    return {.exit_code = status.signal != 0 ? first_signal + status.signal : status.code,
            .guest = guest.report,
            .leftover = {}};
}

} // namespace

JobEnd run_job(const Job& job, const Task& task, const Profile& profile, const Settings& settings,
               const InstallPaths& paths, Phases& phases, Interruption& interruption)
{
    constexpr auto as_long_as_it_takes = 24h * 365;
    const Deadline whole = Deadline::in(as_long_as_it_takes);
    const GuestPlan plan{job, profile, settings, paths, {settings.limits, whole, whole}};
    const auto hypervisor =
        make_hypervisor(profile.hypervisor, settings.hypervisor, paths, settings.state_dir);
    fetch_missing_image(profile, settings, plan.time, phases, interruption);
    const Findings found =
        phases.run("check", [&] { return look_first(job, profile, settings, *hypervisor, plan.time); });
    Ledger ledger =
        Ledger::create(settings.state_dir, new_record(job, profile.name, profile.hypervisor), found.qemu.gid);
    JobEnd end;
    or_remove(ledger, *hypervisor, plan.time,
              [&] { end = run_in_guest(plan, task, found, ledger, *hypervisor, phases, interruption); });
    try {
        phases.run("remove", [&] { remove_job(ledger, *hypervisor, Deadline::in(settings.limits.remove)); });
    } catch (const Error& error) {
        end.leftover = error.what();
    }
    return end;
}

} // namespace runner
