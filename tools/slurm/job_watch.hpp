// Whether a Prolog's work is still wanted. slurmd says nothing to a Prolog: a cancelled job's Epilog waits
// until the Prolog has ended by itself, and if slurmd dies the Prolog goes on, and nobody tells slurmctld how
// it ended.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "controller.hpp"

namespace slurm {

// Looks every few seconds, and sends this process a SIGTERM when the work is in vain. Made after the
// runner::SignalInterruption that hears it.
class JobWatch {
public:
    JobWatch(const Controller& controller, std::string job_id);
    JobWatch(const JobWatch&) = delete;
    JobWatch& operator=(const JobWatch&) = delete;
    JobWatch(JobWatch&&) = delete;
    JobWatch& operator=(JobWatch&&) = delete;
    ~JobWatch();

    enum class Finding { wanted, job_over, slurmd_gone };
    // The last word: after it no signal comes.
    Finding stop();

private:
    void watch();
    Finding look() const;

    const Controller& controller_;
    std::string job_id_;
    pid_t slurmd_;
    std::atomic<Finding> finding_ = Finding::wanted;
    std::mutex mutex_;
    std::condition_variable ending_;
    bool end_ = false;
    std::thread thread_;
};

} // namespace slurm
