#include "journal.hpp"

#include <chrono>
#include <exception>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <syslog.h>
#include <unistd.h>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ctx/base/fd.hpp>

#include "../lifecycle/interruption.hpp"
#include "counters.hpp"

namespace runner {

using ctx::Error;
using nlohmann::json;

namespace {

// "2026-11-28T11:20:41.123Z"
std::string now()
{
    using namespace std::chrono;
    const auto time = system_clock::now();
    const auto rest = duration_cast<milliseconds>(time.time_since_epoch()) % 1000;
    return fmt::format("{:%FT%T}.{:03}Z", fmt::gmtime(system_clock::to_time_t(time)), rest.count());
}

// Opened anew for each line: a file that was moved away is not written to any more.
void append(const std::filesystem::path& path, const std::string& line)
{
    const ctx::Fd file(
        ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640));
    if (!file || ::write(file.get(), line.data(), line.size()) < 0) return; // nobody to tell
}

} // namespace

Journal::Journal(const Settings& settings, std::string work, std::string job_id)
    : log_(settings.log), host_dir_(settings.state_dir / "host"), work_(std::move(work)),
      job_id_(std::move(job_id))
{
}

void Journal::event(std::string_view name, const json& details) const noexcept
try {
    if (log_.file.empty() && !log_.syslog) return;
    json line = {{"time", now()}, {"event", name}, {"work", work_}, {"job", job_id_}, {"pid", ::getpid()}};
    line.update(details);
    const std::string text = line.dump(-1, ' ', false, json::error_handler_t::replace);
    if (!log_.file.empty()) append(log_.file, text + "\n");
    if (log_.syslog) ::syslog(LOG_DAEMON | LOG_INFO, "vmbatch: %s", text.c_str());
} catch (const std::exception&) { // NOLINT(bugprone-empty-catch): the work goes on
}

void Journal::ended(const std::string& result, const Phases& phases, json details) const noexcept
try {
    std::vector<Metric> counts = {{.name = "works_total", .labels = {{"work", work_}, {"result", result}}}};
    json times = json::object();
    for (const Phase& phase : phases.done()) {
        times[phase.name] = phase.time.count();
        counts.push_back({.name = "phase_seconds_sum",
                          .labels = {{"phase", phase.name}},
                          .value = std::chrono::duration<double>(phase.time).count()});
        counts.push_back({.name = "phase_seconds_count", .labels = {{"phase", phase.name}}});
    }
    details["phases_ms"] = std::move(times);
    add_counts(host_dir_, counts);
    event(result, details);
} catch (const std::exception&) { // NOLINT(bugprone-empty-catch): the work is done
}

void Journal::follow(const Phases& phases, const std::function<void()>& work) const
{
    event("begun", json::object());
    try {
        work();
    } catch (const Error& error) {
        ended(fmt::format("failed_{}", ctx::to_string(error.blame())), phases,
              {{"blame", ctx::to_string(error.blame())},
               {"timed_out", error.timed_out()},
               {"problem", error.problem()},
               {"message", error.one_line()}});
        throw;
    } catch (const Interrupted& interrupted) {
        ended("interrupted", phases, {{"signal", interrupted.signal}});
        throw;
    } catch (const std::exception& error) {
        ended("failed_node", phases, {{"blame", "node"}, {"message", error.what()}});
        throw;
    }
    ended("done", phases, json::object());
}

} // namespace runner
