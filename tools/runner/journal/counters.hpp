// What is counted on this host for monitoring: in STATE/host/metrics.json, changed under a lock, whole by
// rename. No daemon: a hook adds what it did and ends.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace runner {

// A number under a name, which monitoring prefixes with "vmbatch_"; and what it is about.
struct Metric {
    std::string name;
    std::map<std::string, std::string> labels;
    double value = 1;
};

// Adds the values to what is there. Counting never fails anybody's work: what cannot be written, or only
// after five seconds, is not counted.
void add_counts(const std::filesystem::path& host_dir, const std::vector<Metric>& counts) noexcept;

// All that was counted, by name and labels; nothing if that cannot be read.
std::vector<Metric> read_counts(const std::filesystem::path& host_dir);

// As https://prometheus.io/docs/instrumenting/exposition_formats/ has it, for its textfile collector. Names
// that are not ours are passed over.
std::string prometheus_text(const std::vector<Metric>& metrics);

} // namespace runner
