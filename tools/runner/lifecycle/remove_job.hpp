// Removing a job: from its ledger, any number of times, after a crash at any point.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <ctx/base/deadline.hpp>

#include "../hypervisor/hypervisor.hpp"
#include "../install_paths.hpp"
#include "../ledger/ledger.hpp"
#include "../settings/settings.hpp"

namespace runner {

// The guest first, then what it stood on. Throws Error at the first thing that cannot be removed: what is
// left stays in the ledger.
void remove_job(Ledger& ledger, Hypervisor& hypervisor, const ctx::Deadline& deadline);
void remove_job(Ledger& ledger, const Settings& settings, const InstallPaths& paths,
                const ctx::Deadline& deadline);

struct CollectedGarbage {
    std::vector<std::string> jobs;   // removed: nobody looked after them
    std::vector<std::string> guests; // ended: no job had them
    std::vector<std::string> shares; // directories on the share, the same
    std::vector<std::string> leases; // claims on images: of jobs that are gone
    std::vector<std::string> failures;
};

// Removes every job whose owner is dead, and what of this state directory's jobs no ledger names any more.
CollectedGarbage collect_garbage(const Settings& settings, const InstallPaths& paths);

} // namespace runner
