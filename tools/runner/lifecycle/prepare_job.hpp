// A prologue's part of a job's life: from nothing to a guest that waits for remoteshell.
#pragma once

#include <ctx/base/deadline.hpp>
#include <ctx/base/error.hpp>

#include "../install_paths.hpp"
#include "../job/batch_job.hpp"
#include "../settings/settings.hpp"
#include "interruption.hpp"
#include "phases.hpp"

namespace runner {

// Makes the job's guest, waits until it is ready and lets the user in, and leaves it running, looked after by
// nobody, for remoteshell and end_job(). Does nothing if the queue's jobs get no guest. Whatever an earlier
// prologue of the same id made, or is still making, is removed first. All is done before `deadline`.
// Throws Error or Interrupted, after everything has been removed.
void prepare_job(const BatchJob& batch, const Settings& settings, const InstallPaths& paths, Phases& phases,
                 Interruption& interruption, const ctx::Deadline& deadline);

// For a batch system whose prologue cannot refuse a job without harm to the node: there will be no guest, and
// remoteshell shall say why. Throws Error.
void refuse_job(const BatchJob& batch, const ctx::Error& reason, const Settings& settings,
                const InstallPaths& paths, const ctx::Deadline& deadline);

} // namespace runner
