// Who looks after a job: the process that holds its lock writes itself into the lock file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <sys/types.h>

#include <ctx/base/fd.hpp>

namespace runner {

// When a process was started, in clock ticks since boot. Throws Error if it is gone.
std::string start_time(pid_t pid);
std::int64_t start_ticks(pid_t pid);

// Now, by the same clock: the wall's may jump, this one does not, and it counts while the host sleeps.
std::int64_t now_in_ticks();
std::int64_t ticks_per_second();

// Another one after each boot.
std::string host_boot_id();

// This process, in a form that does not fit another one that gets its number later.
std::string describe_owner();

// Whether the process written there lives. The lock may be held for a moment longer than it does: by a child
// of its own that has not become another program yet.
bool owner_lives(const std::filesystem::path& lock_file);

// The process written there, as a pidfd: what becomes of the file later does not matter. Nothing if it has
// ended, or there is none.
ctx::Fd owner_process(const std::filesystem::path& lock_file);
// Nobody is told for nothing.
void signal_owner(const ctx::Fd& process, int number);

} // namespace runner
