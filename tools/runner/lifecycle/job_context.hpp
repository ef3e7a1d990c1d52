// What the guest of a job is told: the profile's context, then what the job itself needs. Pure but for
// reading the profile's context file.
#pragma once

#include <filesystem>
#include <string>

#include <ctx/context.hpp>

#include "../guest/task_session.hpp"
#include "../job/job.hpp"
#include "../resources/job_keys.hpp"
#include "identity.hpp"

namespace runner {

struct ContextParts {
    const Job& job;
    const Profile& profile;
    const ShareSettings& share;
    const GuestIdentity& identity;
    const JobKeys& keys;
    std::string nonce;
    std::string share_name;         // of the job's directory on the share
    std::filesystem::path job_shim; // on the host
};

// Throws Error (node) for a context file that is wrong.
ctx::Context job_context(const ContextParts& parts);

} // namespace runner
