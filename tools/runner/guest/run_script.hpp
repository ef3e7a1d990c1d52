// Runs the job's script in a guest that is ready.
#pragma once

#include <functional>
#include <map>
#include <string>

#include <ctx/base/deadline.hpp>

#include "../job/job.hpp"
#include "../lifecycle/interruption.hpp"
#include "ssh.hpp"

namespace runner {

// Puts the script into the guest. Throws Error: user if the working directory is not there, node for the
// rest.
void send_script(const SshConnection& guest, const Job& job, const Profile& profile,
                 const std::string& script, const std::map<std::string, std::string>& defaults,
                 const ctx::Deadline& deadline);

// Runs it with our own stdin, stdout and stderr; the job's exit code, 128 + N after signal N. Throws Error
// (node) when the guest is lost, Interrupted on a signal.
int run_script(const SshConnection& guest, const std::function<bool()>& guest_runs,
               Interruption& interruption);

} // namespace runner
