#include "remove_job.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include <ctx/base/error.hpp>

#include "../ledger/owner.hpp"
#include "../ledger/tombstone.hpp"
#include "../resources/domain.hpp"
#include "../resources/image_lease.hpp"
#include "../resources/share_directory.hpp"
#include "end_job.hpp"
#include "orphans.hpp"

namespace runner {

using namespace std::chrono_literals;
using ctx::Blame;
using ctx::Deadline;
using ctx::Error;

namespace {

// Removes what an entry stands for, then the entry.
void remove_entry(const LedgerEntry& entry, Ledger& ledger, Hypervisor& hypervisor, const Deadline& deadline)
{
    const auto strike_after = [&](const ResourceSteps& steps, const auto& remove) {
        remove();
        reached(steps.removed);
        ledger.strike(entry);
        reached(steps.struck);
    };
    if (entry.kind == Domain::kind)
        strike_after(Domain::steps, [&] { Domain::remove(entry.details, hypervisor, deadline); });
    else if (entry.kind == ShareDirectory::kind)
        strike_after(ShareDirectory::steps, [&] { ShareDirectory::remove(entry.details); });
    else if (entry.kind == ImageLease::kind)
        strike_after(ImageLease::steps, [&] { ImageLease::remove(entry.details, ledger.job().id); });
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
    reached(Step::orphans_ended);
}

// A dead owner's lock may be held for a moment by what it had just started.
std::optional<Ledger> take_soon(const std::filesystem::path& state_dir, const std::string& id)
{
    const Deadline patience = Deadline::in(1s);
    for (;;) {
        auto ledger = Ledger::take(state_dir, id);
        if (ledger || patience.passed() || !std::filesystem::exists(job_directory(state_dir, id)))
            return ledger;
        std::this_thread::sleep_for(10ms);
    }
}

} // namespace

void remove_job(Ledger& ledger, Hypervisor& hypervisor, const Deadline& deadline)
{
    for (const LedgerEntry& entry : ledger.entries())
        ctx::while_doing("removing the " + entry.kind + " of job " + ledger.job().id,
                         [&] { remove_entry(entry, ledger, hypervisor, deadline); });
    ledger.remove_directory();
}

void remove_job(Ledger& ledger, const Settings& settings, const InstallPaths& paths, const Deadline& deadline)
{
    if (ledger.job().hypervisor.empty()) { // it was refused, and never had a guest
        ledger.remove_directory();
        return;
    }
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
        if (job.state == JobState::left) continue;
        if (job.state == JobState::running && owner_lives(owner_lock(settings.state_dir, job.record.id)))
            continue;
        attempt([&] {
            auto ledger = take_soon(settings.state_dir, job.record.id);
            if (!ledger) return; // somebody else has it by now
            remove_job(*ledger, settings, paths, Deadline::in(settings.limits.remove));
            result.jobs.push_back(job.record.id);
        });
    }
    attempt([&] { sweep_unfinished(settings.state_dir); });
    sweep_tombstones(settings.state_dir, longest_hook(settings));
    for (const std::string& name : hypervisor_names()) {
        attempt([&] {
            const auto hypervisor = make_hypervisor(name, settings.hypervisor, paths, settings.state_dir);
            remove_orphaned_guests(settings, *hypervisor, result);
        });
    }
    attempt([&] { result.shares = remove_orphaned_shares(settings); });
    attempt([&] { result.leases = release_orphaned_leases(settings); });
    return result;
}

} // namespace runner
