// An epilogue's part of a job's life: to nothing, from wherever it was.
#pragma once

#include <string>

#include <ctx/base/deadline.hpp>

#include "../install_paths.hpp"
#include "../settings/settings.hpp"

namespace runner {

// Asks a process that still works for the job to stop, then removes everything. That there is nothing is no
// error. Throws Error: what is left stays in the ledger.
void clear_job(const std::string& id, const Settings& settings, const InstallPaths& paths,
               const ctx::Deadline& deadline);

// The same, and a prologue that has only just begun will find out that it has been overtaken.
void end_job(const std::string& id, const Settings& settings, const InstallPaths& paths,
             const ctx::Deadline& deadline);

} // namespace runner
