// Who looks after a job: the process that holds its lock writes itself into the lock file.
#pragma once

#include <filesystem>
#include <string>

#include <sys/types.h>

namespace runner {

// When a process was started, in clock ticks since boot. Throws Error if it is gone.
std::string start_time(pid_t pid);

// Another one after each boot.
std::string host_boot_id();

// This process, in a form that does not fit another one that gets its number later.
std::string describe_owner();

// Whether the process written there lives. The lock may be held for a moment longer than it does: by a child
// of its own that has not become another program yet.
bool owner_lives(const std::filesystem::path& lock_file);

// Sends the process that holds the lock a signal, if it still is the one written there. A lock file without
// an owner, or none at all, is passed over.
void signal_owner(const std::filesystem::path& lock_file, int number);

} // namespace runner
