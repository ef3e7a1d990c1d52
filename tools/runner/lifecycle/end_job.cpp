#include "end_job.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <optional>
#include <thread>

#include <ctx/base/error.hpp>

#include "../ledger/ledger.hpp"
#include "../ledger/owner.hpp"
#include "../ledger/tombstone.hpp"
#include "interruption.hpp"
#include "remove_job.hpp"

namespace runner {

using namespace std::chrono_literals;
using ctx::Blame;
using ctx::Deadline;
using ctx::Error;

namespace {

using Spared = std::function<bool(const JobRecord&)>;

// The job, once nobody else works for it; nothing if it is gone by then, or is to be spared. Its owner is
// asked to stop, which removes the job as a rule; one that does not hear is killed after half of the time.
std::optional<Ledger> take_from_owner(const std::filesystem::path& state_dir, const std::string& id,
                                      const Spared& spared, const Deadline& deadline)
{
    const std::filesystem::path lock_file = owner_lock(state_dir, id);
    const Deadline patience = Deadline::in(deadline.left() / 2);
    std::string asked; // the run, by its nonce
    for (;;) {
        // The owner first: if the id gets a new run meanwhile, then it is that one's record, and the owner
        // is nobody.
        const ctx::Fd owner = owner_process(lock_file);
        const auto record = record_of(state_dir, id);
        if (!record || spared(*record)) return std::nullopt;
        if (auto ledger = Ledger::take(state_dir, id, spared)) return ledger;
        if (deadline.passed())
            throw Error(Blame::node, "a job's owner cannot be stopped")
                .at(job_directory(state_dir, id).string())
                .mend("look at the process named in its ledger/owner.lock; 'vmbatch job gc' removes the job "
                      "once it has ended")
                .as_timeout();
        if (patience.passed())
            signal_owner(owner, SIGKILL);
        else if (asked != record->nonce)
            signal_owner(owner, SIGTERM);
        asked = record->nonce;
        std::this_thread::sleep_for(20ms);
    }
}

// What is left of the job's runs, but for those that are spared.
void clear(const std::string& id, const Spared& spared, const Settings& settings, const InstallPaths& paths,
           const Deadline& deadline)
{
    if (auto ledger = take_from_owner(settings.state_dir, id, spared, deadline))
        remove_job(*ledger, settings, paths, deadline);
}

} // namespace

std::chrono::milliseconds longest_hook(const Settings& settings)
{
    return std::max(settings.torque.prologalarm, settings.slurm.prolog_timeout);
}

bool is_of_a_later_prologue(const JobRecord& job, pid_t hook)
{
    return job.boot == host_boot_id() && job.prologue > start_ticks(hook);
}

void require_not_overtaken(const std::string& id, pid_t hook, const Settings& settings)
{
    if (ended_meanwhile(settings.state_dir, id, hook)) throw Interrupted{SIGTERM};
    const auto record = record_of(settings.state_dir, id);
    if (record && is_of_a_later_prologue(*record, hook)) throw Interrupted{SIGTERM};
}

void clear_for_prologue(const std::string& id, pid_t hook, const Settings& settings,
                        const InstallPaths& paths, const Deadline& deadline)
{
    require_not_overtaken(id, hook, settings);
    clear(
        id, [&](const JobRecord& job) { return is_of_a_later_prologue(job, hook); }, settings, paths,
        deadline);
    require_not_overtaken(id, hook, settings);
}

void end_job(const std::string& id, const Settings& settings, const InstallPaths& paths,
             const Deadline& deadline)
{
    // First the sign, then the look: a prologue that has not made its directory yet finds the one, and one
    // that has is found by the other.
    if (!std::filesystem::exists(job_directory(settings.state_dir, id)))
        leave_tombstone(settings.state_dir, id);
    clear(id, [](const JobRecord&) { return false; }, settings, paths, deadline);
    // What a prologue or an epilogue of this job was killed over has no job's name any more.
    sweep_unfinished(settings.state_dir);
    sweep_tombstones(settings.state_dir, longest_hook(settings));
}

} // namespace runner
