// What is written down of a piece of work for a job, so that it can be looked up and watched: a line of JSON
// for each event in the log, numbers in the counters. It fails nobody's work.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include <ctx/base/error.hpp>

#include "../lifecycle/phases.hpp"
#include "../settings/settings.hpp"

namespace runner {

class Journal {
public:
    // `work` is what is done: "run", "prologue", "epilogue", "gc".
    Journal(const Settings& settings, std::string work, std::string job_id);

    // Does the work and writes down that it was begun, how it ended and what its phases took. What it throws
    // passes through.
    void follow(const Phases& phases, const std::function<void()>& work) const;

    // One line: time (UTC), event, work, job, pid, and the details, an object. Appended by a single write:
    // many may write to the file, and it may be moved away at any time.
    void event(std::string_view name, const nlohmann::json& details) const noexcept;

private:
    void ended(const std::string& result, const Phases& phases, nlohmann::json details) const noexcept;

    LogSettings log_;
    std::filesystem::path host_dir_;
    std::string work_;
    std::string job_id_;
};

} // namespace runner
