// A job as far as its guest is concerned: whose it is and what machine it wants. (What runs in it is a Task.)
// All of it comes from users and is checked by check_job() before anything is made.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include <ctx/context.hpp>
#include <ctx/context_file.hpp>

#include "../settings/settings.hpp"

namespace runner {

struct Job {
    std::string id;
    ctx::User user; // as on the host: same name, ids, groups, home, shell in the guest
    // The working directory, and others the job will want to find; absolute. A profile may allow that they
    // are made.
    std::string workdir;
    std::vector<std::string> directories;
    std::optional<unsigned> vcpus;
    std::optional<std::uint64_t> memory; // bytes
    // Of whoever calls by hand, over the profile's context: a file, and what --set says. Batch systems set
    // neither: a context runs commands as the guest's root.
    std::optional<std::filesystem::path> context_file;
    ctx::Variables values;
};

// What the guest gets: the job's wish, or the profile's default.
struct Resources {
    unsigned vcpus = 1;
    std::uint64_t memory = 0;
};

// Throws Error (user): a bad id or name, a relative working directory, more than the profile gives …
Resources check_job(const Job& job, const Profile& profile);

// The account with this uid on the host, with its groups. Throws Error (user) if there is none.
ctx::User host_user(uid_t uid);
ctx::User host_user(const std::string& name);

} // namespace runner
