#include "remove_job.hpp"

#include <algorithm>
#include <memory>

#include <ctx/base/error.hpp>

#include "../resources/domain.hpp"
#include "../resources/image_lease.hpp"
#include "../resources/share_directory.hpp"

namespace runner {

using ctx::Blame;
using ctx::Deadline;
using ctx::Error;

namespace {

void remove_entry(const LedgerEntry& entry, const Ledger& ledger, Hypervisor& hypervisor,
                  const Deadline& deadline)
{
    if (entry.kind == Domain::kind)
        Domain::remove(entry.details, hypervisor, deadline);
    else if (entry.kind == ShareDirectory::kind)
        ShareDirectory::remove(entry.details);
    else if (entry.kind == ImageLease::kind)
        ImageLease::remove(entry.details, ledger.job().id);
    else
        throw Error(Blame::node, "the ledger names something this version does not know")
            .at(ledger.directory().string() + ": " + entry.kind)
            .mend("use the version that made the job");
}

void remove_orphaned_guests(const Settings& settings, Hypervisor& hypervisor, CollectedGarbage& result)
{
    // Guests before jobs: a job directory is there before its guest, so a guest without one is an orphan.
    const std::vector<RunningGuest> guests = hypervisor.list(Deadline::in(settings.limits.remove));
    const std::vector<KnownJob> jobs = list_jobs(settings.state_dir);
    for (const RunningGuest& guest : guests) {
        if (guest.tag.state_dir != settings.state_dir.string()) continue;
        if (std::ranges::any_of(jobs, [&](const KnownJob& job) { return job.record.uuid == guest.uuid; }))
            continue;
        hypervisor.destroy(guest.uuid, Deadline::in(settings.limits.remove));
        result.guests.push_back(guest.name);
    }
}

} // namespace

void remove_job(Ledger& ledger, Hypervisor& hypervisor, const Deadline& deadline)
{
    for (const LedgerEntry& entry : ledger.entries()) {
        ctx::while_doing("removing the " + entry.kind + " of job " + ledger.job().id,
                         [&] { remove_entry(entry, ledger, hypervisor, deadline); });
        ledger.strike(entry);
    }
    ledger.remove_directory();
}

void remove_job(Ledger& ledger, const Settings& settings, const InstallPaths& paths, const Deadline& deadline)
{
    // A job that was refused never had a guest.
    if (ledger.job().hypervisor.empty()) return ledger.remove_directory();
    const auto hypervisor =
        make_hypervisor(ledger.job().hypervisor, settings.hypervisor, paths, settings.state_dir);
    remove_job(ledger, *hypervisor, deadline);
}

CollectedGarbage collect_garbage(const Settings& settings, const InstallPaths& paths)
{
    CollectedGarbage result;
    const auto attempt = [&](auto&& work) {
        try {
            work();
        } catch (const Error& error) {
            result.failures.emplace_back(error.what());
        }
    };
    for (const KnownJob& job : list_jobs(settings.state_dir)) {
        if (job.state != JobState::abandoned) continue;
        attempt([&] {
            auto ledger = Ledger::take(settings.state_dir, job.record.id);
            if (!ledger) return; // somebody else has it by now
            remove_job(*ledger, settings, paths, Deadline::in(settings.limits.remove));
            result.jobs.push_back(job.record.id);
        });
    }
    attempt([&] { sweep_unfinished(settings.state_dir); });
    for (const std::string& name : hypervisor_names()) {
        attempt([&] {
            const auto hypervisor = make_hypervisor(name, settings.hypervisor, paths, settings.state_dir);
            remove_orphaned_guests(settings, *hypervisor, result);
        });
    }
    return result;
}

} // namespace runner
