// What ${…} in a context file stands for.
#pragma once

#include <string>

#include <ctx/context_file.hpp>

#include "../lifecycle/identity.hpp"
#include "job.hpp"

namespace runner {

// The job's own names; what --set says comes over them.
ctx::Variables job_variables(const Job& job, const GuestIdentity& identity, const Profile& profile);

// The same names with made-up values, to check a context before there is a job.
ctx::Variables sample_variables(const std::string& profile);

} // namespace runner
