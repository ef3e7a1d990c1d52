// A sign that a job was ended although there was nothing to end: its prologue may just have begun. (pbs_mom
// runs a deleted job's epilogue beside its prologue.)
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include <sys/types.h>

namespace runner {

// Throws Error (node).
void leave_tombstone(const std::filesystem::path& state_dir, const std::string& id);

// Whether the job was ended after a process was started. Clocks that jump do not matter.
bool ended_meanwhile(const std::filesystem::path& state_dir, const std::string& id, pid_t hook);

// Those that nobody needs any more: of an earlier life of this host, or older than any hook gets.
void sweep_tombstones(const std::filesystem::path& state_dir, std::chrono::milliseconds keep);

} // namespace runner
