// Mom runs a job on the host when its job starter cannot be executed: it fails open. So the prologue looks
// first.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace torque {

// What $job_starter names in mom's configuration; the last one counts. Pure.
std::optional<std::string> job_starter(std::string_view config);

// Throws Error (node) unless `mom_priv/config` names a job starter that any user can execute.
void require_job_starter(const std::filesystem::path& mom_priv);

} // namespace torque
