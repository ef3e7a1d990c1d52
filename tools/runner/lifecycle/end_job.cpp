#include "end_job.hpp"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <optional>
#include <thread>

#include <ctx/base/error.hpp>

#include "../ledger/ledger.hpp"
#include "../ledger/owner.hpp"
#include "../ledger/tombstone.hpp"
#include "remove_job.hpp"

namespace runner {

using namespace std::chrono_literals;
using ctx::Blame;
using ctx::Deadline;
using ctx::Error;

namespace {

// The job, once nobody else works for it; nothing if it is gone by then. Its owner is asked to stop, which
// removes the job as a rule; one that does not hear is killed after half of the time.
std::optional<Ledger> take_from_owner(const std::filesystem::path& state_dir, const std::string& id,
                                      const Deadline& deadline)
{
    const std::filesystem::path job = job_directory(state_dir, id);
    const std::filesystem::path lock_file = owner_lock(state_dir, id);
    const Deadline patience = Deadline::in(deadline.left() / 2);
    bool asked = false;
    while (std::filesystem::exists(job)) {
        if (auto ledger = Ledger::take(state_dir, id)) return ledger;
        if (deadline.passed())
            throw Error(Blame::node, "a job's owner cannot be stopped")
                .at(job.string())
                .mend("look at the process named in its ledger/owner.lock; 'vmbatch job gc' removes the job "
                      "once it has ended")
                .as_timeout();
        if (patience.passed())
            signal_owner(lock_file, SIGKILL);
        else if (!asked)
            signal_owner(lock_file, SIGTERM);
        asked = true;
        std::this_thread::sleep_for(20ms);
    }
    return std::nullopt;
}

} // namespace

void clear_job(const std::string& id, const Settings& settings, const InstallPaths& paths,
               const Deadline& deadline)
{
    if (auto ledger = take_from_owner(settings.state_dir, id, deadline))
        remove_job(*ledger, settings, paths, deadline);
}

void end_job(const std::string& id, const Settings& settings, const InstallPaths& paths,
             const Deadline& deadline)
{
    // First the sign, then the look: a prologue that has not made its directory yet finds the one, and one
    // that has is found by the other.
    if (!std::filesystem::exists(job_directory(settings.state_dir, id)))
        leave_tombstone(settings.state_dir, id);
    clear_job(id, settings, paths, deadline);
}

} // namespace runner
