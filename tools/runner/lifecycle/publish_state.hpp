// How remoteshell, which runs as anybody and may not read the configuration, finds the jobs.
#pragma once

#include <filesystem>

namespace runner {

inline constexpr const char* state_link = "state"; // in InstallPaths::run: a link to the state directory

// Makes the link, or makes it right. Throws Error (node).
void publish_state_directory(const std::filesystem::path& state_dir, const std::filesystem::path& run);

} // namespace runner
