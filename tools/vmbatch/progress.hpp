// How far long work has come, on stderr: a bar for a person, lines for a log, events for a program.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

// `automatic`: a bar where stderr is a terminal, elsewhere lines.
enum class ProgressMode { automatic, bar, log, json, none };

namespace CLI {
class App;
} // namespace CLI
// Adds --progress auto|bar|log|json|none.
void add_progress_option(CLI::App& command, ProgressMode& mode);

class ProgressReport {
public:
    // `what` names the work for the reader: a file, an image.
    ProgressReport(std::string what, ProgressMode mode);
    ProgressReport(const ProgressReport&) = delete;
    ProgressReport& operator=(const ProgressReport&) = delete;
    ProgressReport(ProgressReport&&) = delete;
    ProgressReport& operator=(ProgressReport&&) = delete;
    // Takes the bar away, so that what is said next stands alone.
    ~ProgressReport();

    void update(std::string_view stage, std::uint64_t done, std::uint64_t total);

private:
    void write_line(std::chrono::steady_clock::time_point now, double seconds, std::uint64_t done,
                    std::uint64_t total);
    void draw(double seconds, std::uint64_t done, std::uint64_t total) const;
    void tell(double seconds, std::uint64_t done, std::uint64_t total) const;

    std::string what_;
    ProgressMode mode_;
    std::string stage_;
    std::chrono::steady_clock::time_point stage_began_;
    std::chrono::steady_clock::time_point last_line_ = std::chrono::steady_clock::now();
    bool drawn_ = false;
};

// 622592000 → "593.8 MiB": for people, rounded.
std::string human_size(std::uint64_t bytes);
