// How a job's script is put into the guest and started there. Pure: what to send and what to run.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "../job/job.hpp"

namespace runner {

// Everything the guest needs to run the job, as files of one folder.
//
//   script   the user's own bytes
//   launch   enters the working directory, sets exactly the job's environment, becomes the script
//   main     runs `launch`, and writes down how it ended in `status`: a shell killed by a signal and a lost
//            connection both look like 255 to an SSH client
struct JobFiles {
    std::string script;
    std::string launch;
    std::string main;
};

inline constexpr const char* guest_job_folder = "/tmp/.vmbatch";

// `defaults`: variables of profile and context, below the job's own. HOME, USER, LOGNAME and SHELL are the
// guest account's, VMBATCH_* (which configure the host's tools) stay behind, VMBATCH_JOB_ID is set.
JobFiles render_job_files(const Job& job, const std::string& script,
                          const std::map<std::string, std::string>& defaults);

// The files as a tar stream.
std::string pack(const JobFiles& files);

// Unpacks the stream on its standard input, then tries the working directory: exit 3 if it is not there.
std::string unpack_command(const std::string& workdir);
inline constexpr int workdir_missing = 3;

std::string main_command();
// Prints the job's exit status if it has ended.
std::string status_command();

} // namespace runner
