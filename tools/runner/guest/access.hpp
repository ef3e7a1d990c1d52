// How a job's user gets into its guest: what the prologue leaves for remoteshell, in the job's `user`
// directory.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include <ctx/context.hpp>

namespace runner {

struct GuestAccess {
    std::string job_id;
    std::string batch_system;
    ctx::User user;
    std::string address;
    std::uint16_t port = 22;
    std::string host_alias;
    std::map<std::string, std::string> environment; // of profile and context
    std::chrono::milliseconds connect{};            // how long a connection may take
    // There is no guest: why, for the user. The fields of the guest are empty then.
    std::optional<std::string> refused;
};

// Root's own file, which the user can read: it appears by rename.
void write_access(const std::filesystem::path& user_directory, const GuestAccess& access);

// Nothing if there is none that we may read. Throws Error (node) for one that root has not written, or that
// is damaged: a user owns the directory, and can put another in its place.
std::optional<GuestAccess> read_access(const std::filesystem::path& user_directory);

} // namespace runner
