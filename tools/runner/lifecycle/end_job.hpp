// An epilogue's part of a job's life: to nothing, from wherever it was. And a prologue's, which begins by
// removing what an earlier one of the same id left.
#pragma once

#include <chrono>
#include <string>

#include <sys/types.h>

#include <ctx/base/deadline.hpp>

#include "../install_paths.hpp"
#include "../ledger/ledger.hpp"
#include "../settings/settings.hpp"

namespace runner {

// pbs_mom, restarted, starts a second prologue beside the first. The later one has the job: `hook` is the
// process the batch system started.
bool is_of_a_later_prologue(const JobRecord& job, pid_t hook);

// Throws Interrupted if the job has been ended since the hook was started, or is a later prologue's.
void require_not_overtaken(const std::string& id, pid_t hook, const Settings& settings);

// Asks a process that still works for the job to stop, then removes everything earlier runs have left. That
// there is nothing is no error. Throws Interrupted as above, and Error: what is left stays in the ledger.
void clear_for_prologue(const std::string& id, pid_t hook, const Settings& settings,
                        const InstallPaths& paths, const ctx::Deadline& deadline);

// Whatever there is of the job goes; a prologue that has only just begun will find out that it has been
// overtaken. Throws Error.
void end_job(const std::string& id, const Settings& settings, const InstallPaths& paths,
             const ctx::Deadline& deadline);

// How long the longest of the hooks can work. What only a running hook needs is not kept longer.
std::chrono::milliseconds longest_hook(const Settings& settings);

} // namespace runner
