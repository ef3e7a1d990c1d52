#include "metrics_command.hpp"

#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <ctx/base/file.hpp>

#include "../runner/hypervisor/guard.hpp"
#include "../runner/journal/counters.hpp"
#include "../runner/ledger/ledger.hpp"

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* description = R"(Print what was counted on this host, for monitoring.

Jobs by state, pieces of work by how they ended, the seconds that phases took, retries, requeues, restarts of libvirtd,
and leaks: what 'vmbatch job gc' found. Counters begin anew when STATE/host/metrics.json is removed.)";

constexpr const char* footer = R"(
Example: for the textfile collector of Prometheus' node exporter
  vmbatch job metrics --format prometheus --output /var/lib/prometheus/node-exporter/vmbatch.prom)";

struct MetricsOptions {
    std::string format = "json";
    std::string output;
};

std::vector<runner::Metric> gather(const runner::Settings& settings)
{
    const fs::path host_dir = settings.state_dir / "host";
    std::vector<runner::Metric> metrics;
    for (const auto state : {runner::JobState::running, runner::JobState::left, runner::JobState::abandoned})
        metrics.push_back({.name = "jobs", .labels = {{"state", std::string(to_string(state))}}, .value = 0});
    for (const runner::KnownJob& job : runner::list_jobs(settings.state_dir)) {
        for (runner::Metric& metric : metrics) {
            if (metric.labels.at("state") == to_string(job.state)) ++metric.value;
        }
    }
    for (runner::Metric& count : runner::read_counts(host_dir)) metrics.push_back(std::move(count));
    const runner::DaemonGuard guard({.daemon = {}, .restart = {}, .at_most = 0, .host_dir = host_dir});
    metrics.push_back(
        {.name = "hypervisor_restarts_total", .labels = {}, .value = static_cast<double>(guard.restarts())});
    return metrics;
}

std::string as_json(const std::vector<runner::Metric>& metrics)
{
    json rows = json::array();
    for (const runner::Metric& metric : metrics)
        rows.push_back({{"name", metric.name}, {"labels", metric.labels}, {"value", metric.value}});
    return json{{"schema", 1}, {"metrics", rows}}.dump(2) + "\n";
}

void print_metrics(const CommonOptions& common, const MetricsOptions& options)
{
    const auto metrics = gather(load_settings(common));
    const std::string text = options.format == "json" ? as_json(metrics) : runner::prometheus_text(metrics);
    if (options.output.empty())
        std::cout << text;
    else
        ctx::write_file(fs::absolute(options.output), text, 0644);
}

} // namespace

void add_metrics_command(CLI::App& noun, CommonOptions& common)
{
    auto options = std::make_shared<MetricsOptions>();
    CLI::App* command = noun.add_subcommand("metrics", description);
    command->footer(footer);
    command->add_option("--format", options->format, "json (schema 1) or prometheus, its text format")
        ->check(CLI::IsMember({"json", "prometheus"}))
        ->type_name("F");
    command->add_option("--output", options->output, "write to FILE, which appears whole, not to stdout")
        ->type_name("FILE");
    command->callback([&common, options] { print_metrics(common, *options); });
}
