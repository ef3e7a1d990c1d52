// Torque runs a job whose prologue failed again at once, and for ever: 30 times in 8 seconds were seen. So a
// prologue says "again" later and later, and after a while "never".
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

namespace torque {

constexpr unsigned most_requeues = 20;

// How long to wait before the `count`th requeue of a job is asked for: 2 s, 4 s … 60 s.
std::chrono::milliseconds requeue_delay(unsigned count);

// How often each job was sent back from this host.
class Requeues {
public:
    explicit Requeues(const std::filesystem::path& state_dir);

    // Counts one more, and returns how many it is. Throws Error (node).
    unsigned count(const std::string& job_id) const;
    // The job will not be sent back again.
    void forget(const std::string& job_id) const;

private:
    std::filesystem::path directory_;
};

} // namespace torque
