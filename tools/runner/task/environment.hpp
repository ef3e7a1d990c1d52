// The environment of a task: the caller's, unchanged, and what the guest adds.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <ctx/context.hpp>

namespace runner {

// Whose HOME, USER, LOGNAME and SHELL are right: a batch system sets them for the job's user; whoever calls
// `vmbatch run` for somebody else has his own.
enum class AccountVariables { as_given, of_the_account };

struct EnvironmentParts {
    std::vector<std::string> given;              // NAME=VALUE
    std::map<std::string, std::string> defaults; // of profile and context, for what is not given
    const ctx::User& user;
    std::string job_id;
    AccountVariables account = AccountVariables::as_given;
};

// What is given comes first and as it is, names a shell could not export included (bash's functions, for
// one). VMBATCH_* configure the host's tools and stay behind; VMBATCH_JOB_ID is set.
std::vector<std::string> task_environment(const EnvironmentParts& parts);

} // namespace runner
