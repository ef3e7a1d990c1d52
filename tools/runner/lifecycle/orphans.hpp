// What no ledger names any more, though it was made for a job of this host: looked for where it would be.
#pragma once

#include <string>
#include <vector>

#include "../settings/settings.hpp"

namespace runner {

// Removes directories on the share that no job has. Others' (the share may be that of many hosts) are told by
// their names. Returns what was removed; throws Error (node).
std::vector<std::string> remove_orphaned_shares(const Settings& settings);

// Claims on images of jobs that are gone. Returns whose they were; throws Error (node).
std::vector<std::string> release_orphaned_leases(const Settings& settings);

} // namespace runner
