// Something to run in a guest: a job's script, one of its parallel tasks, an interactive shell. It is
// described here exactly, as execve(2) would take it, and carried out by the job shim (tools/job-shim) in the
// guest.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace runner {

// As for setrlimit(2), in the numbers of Linux. Where the guest allows less, it gets what is allowed.
struct ResourceLimit {
    int resource = 0;
    std::uint64_t soft = 0; // RLIM64_INFINITY: none
    std::uint64_t hard = 0;
};

struct Task {
    // Names its folder in the guest. Letters and digits, another one for each task.
    std::string name;
    // Put into the guest as a file, at script_place(name).
    std::optional<std::string> script;
    std::string program;                  // without a slash it is looked for in the environment's PATH
    std::vector<std::string> arguments;   // from argv[0] on
    std::vector<std::string> environment; // NAME=VALUE
    std::string workdir;
    mode_t umask = 022;
    std::vector<ResourceLimit> limits;
};

// Where things are in the guest: below /tmp, which every guest has and which goes with it.
std::string task_folder(std::string_view task_name);
std::string script_place(std::string_view task_name);

// The task for the shim: fields, each a letter and a value, ended by NUL; at the end the script's bytes.
// Throws Error (user) for a NUL byte.
std::string encode(const Task& task);

} // namespace runner
