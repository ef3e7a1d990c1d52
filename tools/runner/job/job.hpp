// A batch job as every batch system's adapter, and `vmbatch run`, describe it. All of it comes from users and
// is checked by check_job() before anything is made.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include <ctx/context.hpp>

#include "../settings/settings.hpp"

namespace runner {

struct Job {
    std::string id;
    ctx::User user; // as on the host: same name, ids, groups, home, shell in the guest
    std::filesystem::path script;
    std::vector<std::string> arguments;
    std::vector<std::string> environment; // NAME=VALUE
    std::string workdir;
    mode_t umask = 022;
    std::optional<unsigned> vcpus;
    std::optional<std::uint64_t> memory; // bytes
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
