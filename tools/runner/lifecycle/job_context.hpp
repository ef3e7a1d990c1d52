// What the guest of a job is told. Later parts count: the profile, its context file, a context file given by
// hand, what the job itself needs, --set. Pure but for reading the files.
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

// Throws Error for a context that is wrong: node for the profile's, user for what came by hand.
ctx::Context job_context(const ContextParts& parts);

} // namespace runner
