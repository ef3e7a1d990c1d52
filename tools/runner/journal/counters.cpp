#include "counters.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <exception>
#include <iterator>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ctx/base/deadline.hpp>
#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/file.hpp>

namespace runner {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

struct Kind {
    std::string_view name;
    std::string_view type;
    std::string_view help;
};

// In the order in which they are shown.
constexpr std::array<Kind, 9> kinds = {{
    {"jobs", "gauge", "Jobs that this host has now, by state."},
    {"works_total", "counter", "Pieces of work for jobs (run, prologue, epilogue), by how they ended."},
    {"phase_seconds_sum", "counter", "Seconds that phases took which ended well."},
    {"phase_seconds_count", "counter", "Phases that ended well."},
    {"start_retries_total", "counter", "Further attempts at starting a guest."},
    {"requeues_total", "counter", "Jobs given back to their batch system."},
    {"hypervisor_restarts_total", "counter", "Restarts of the hypervisor's daemon."},
    {"leaks_total", "counter", "What 'vmbatch job gc' found and removed, by kind."},
    {"gc_failures_total", "counter", "What 'vmbatch job gc' could not remove."},
}};

fs::path file_of(const fs::path& host_dir)
{
    return host_dir / "metrics.json";
}

ctx::Fd lock(const fs::path& host_dir)
{
    fs::create_directories(host_dir);
    ctx::Fd fd = ctx::open_file(host_dir / "metrics.lock", O_RDWR | O_CREAT | O_NOFOLLOW);
    const auto patience = ctx::Deadline::in(5s);
    while (::flock(fd.get(), LOCK_EX | LOCK_NB) < 0) {
        if (patience.passed() || (errno != EWOULDBLOCK && errno != EINTR)) return {};
        std::this_thread::sleep_for(5ms);
    }
    return fd;
}

void add(std::vector<Metric>& all, const Metric& count)
{
    const auto same = std::ranges::find_if(
        all, [&](const Metric& known) { return known.name == count.name && known.labels == count.labels; });
    if (same == all.end())
        all.push_back(count);
    else
        same->value += count.value;
}

void write(const fs::path& host_dir, const std::vector<Metric>& metrics)
{
    json rows = json::array();
    for (const Metric& metric : metrics)
        rows.push_back({{"name", metric.name}, {"labels", metric.labels}, {"value", metric.value}});
    const json data = {{"schema", 1}, {"counters", rows}};
    ctx::write_file(file_of(host_dir), data.dump(1, ' ', false, json::error_handler_t::replace) + "\n", 0644);
}

std::string escaped(std::string_view text)
{
    std::string result;
    for (const char c : text) {
        if (c == '\n') {
            result += "\\n";
            continue;
        }
        if (c == '\\' || c == '"') result += '\\';
        result += c;
    }
    return result;
}

std::string labels_of(const Metric& metric)
{
    std::string result;
    for (const auto& [key, value] : metric.labels)
        fmt::format_to(std::back_inserter(result), "{}{}=\"{}\"", result.empty() ? "" : ",", key,
                       escaped(value));
    return result.empty() ? result : "{" + result + "}";
}

} // namespace

void add_counts(const fs::path& host_dir, const std::vector<Metric>& counts) noexcept
try {
    if (counts.empty()) return;
    const ctx::Fd held = lock(host_dir);
    if (!held) return;
    std::vector<Metric> all = read_counts(host_dir);
    for (const Metric& count : counts) add(all, count);
    write(host_dir, all);
} catch (const std::exception&) { // NOLINT(bugprone-empty-catch): it is only a count
}

std::vector<Metric> read_counts(const fs::path& host_dir)
try {
    constexpr std::size_t limit = 4 << 20;
    const json data = json::parse(ctx::read_file(file_of(host_dir), limit));
    std::vector<Metric> result;
    for (const json& row : data.at("counters"))
        result.push_back({.name = row.at("name"), .labels = row.at("labels"), .value = row.at("value")});
    return result;
} catch (const json::exception&) {
    return {};
} catch (const ctx::Error&) {
    return {};
}

std::string prometheus_text(const std::vector<Metric>& metrics)
{
    std::string text;
    for (const Kind& kind : kinds) {
        bool begun = false;
        for (const Metric& metric : metrics) {
            if (metric.name != kind.name) continue;
            if (!begun)
                fmt::format_to(std::back_inserter(text), "# HELP vmbatch_{0} {1}\n# TYPE vmbatch_{0} {2}\n",
                               kind.name, kind.help, kind.type);
            begun = true;
            fmt::format_to(std::back_inserter(text), "vmbatch_{}{} {}\n", kind.name, labels_of(metric),
                           metric.value);
        }
    }
    return text;
}

} // namespace runner
