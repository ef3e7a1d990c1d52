#include "job_watch.hpp"

#include <chrono>
#include <csignal>
#include <utility>

#include <unistd.h>

#include <ctx/base/error.hpp>

namespace slurm {

using namespace std::chrono_literals;

namespace {

// A guest takes longer than this; and with many jobs starting at once slurmctld has other work.
constexpr auto between_looks = 5s;

} // namespace

JobWatch::JobWatch(const Controller& controller, std::string job_id)
    : controller_(controller), job_id_(std::move(job_id)), slurmd_(::getppid()), thread_([this] { watch(); })
{
}

JobWatch::~JobWatch()
{
    stop();
}

JobWatch::Finding JobWatch::stop()
{
    {
        const std::lock_guard lock(mutex_);
        end_ = true;
    }
    ending_.notify_one();
    if (thread_.joinable()) thread_.join();
    return finding_;
}

void JobWatch::watch()
{
    std::unique_lock lock(mutex_);
    while (!ending_.wait_for(lock, between_looks, [this] { return end_; })) {
        lock.unlock();
        finding_ = look();
        if (finding_ != Finding::wanted) {
            ::kill(::getpid(), SIGTERM);
            return;
        }
        lock.lock();
    }
}

JobWatch::Finding JobWatch::look() const
{
    if (::getppid() != slurmd_) return Finding::slurmd_gone;
    try {
        const std::string state = controller_.allocation(job_id_, ctx::Deadline::in(between_looks)).state;
        return state == "RUNNING" || state == "SUSPENDED" ? Finding::wanted : Finding::job_over;
    } catch (const ctx::Error&) {
        return Finding::wanted; // slurmctld is busy, or being restarted: asked again
    }
}

} // namespace slurm
