// From nothing to a guest that is ready: what `vmbatch run` and the prologues have in common.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "../guest/access.hpp"
#include "../guest/ready.hpp"
#include "../guest/ssh.hpp"
#include "../hypervisor/hypervisor.hpp"
#include "../install_paths.hpp"
#include "../job/job.hpp"
#include "../ledger/ledger.hpp"
#include "../settings/settings.hpp"
#include "findings.hpp"
#include "interruption.hpp"
#include "phases.hpp"
#include "time_limits.hpp"

namespace runner {

struct GuestPlan {
    const Job& job;
    const Profile& profile;
    const Settings& settings;
    const InstallPaths& paths;
    TimeLimits time;
};

struct ReadyGuest {
    GuestReport report;
    SshTarget ssh;                                  // the client runs as the job's user
    std::map<std::string, std::string> environment; // what profile and context give every job
};

// The record of a new run of the job, with an identity of its own.
JobRecord new_record(const Job& job, const std::string& profile, const std::string& hypervisor);

// Makes the guest of a ledger that has just been created, and waits for it. Throws Error or Interrupted; what
// was made is in the ledger.
ReadyGuest make_guest(const GuestPlan& plan, const Findings& found, Ledger& ledger, Hypervisor& hypervisor,
                      Phases& phases, Interruption& interruption);

// How the job's user gets into the guest. `batch_system` is "" without one.
GuestAccess access_to(const ReadyGuest& guest, const Job& job, const std::string& batch_system,
                      const Settings& settings);

// Does `work`; if it fails, removes the job and adds to the error what that could not. Interrupted passes the
// same way.
void or_remove(Ledger& ledger, Hypervisor& hypervisor, const TimeLimits& time,
               const std::function<void()>& work);

} // namespace runner
