// What the threads of one pipeline share: that it goes on, or why it does not.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace image_cache {

// Thrown at every wait of a pipeline that was stopped; its cause is kept in the Flow.
struct Stopped {};

class Flow {
public:
    // The first error wins; everything that waits wakes up and ends with Stopped.
    void fail(std::exception_ptr error);
    // Ends the pipeline without an error.
    void stop() { fail(nullptr); }
    // The error that ended it, or nothing.
    std::exception_ptr error() const;
    // Whether a stage has failed: whoever feeds the pipeline may as well stop.
    bool stopped() const;

    // Runs `work` under the lock when `ready` is true, and wakes the others.
    template <class Ready, class Work>
    auto when(Ready ready, Work work)
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return stopped_ || ready(); });
        if (stopped_) throw Stopped{};
        const Wake wake{changed_};
        return work();
    }

    // The same at once.
    template <class Work>
    auto now(Work work)
    {
        return when([] { return true; }, std::move(work));
    }

    // For what must work in a stopped pipeline, too.
    template <class Work>
    void always(Work work)
    {
        const std::scoped_lock lock(mutex_);
        const Wake wake{changed_};
        work();
    }

private:
    struct Wake {
        std::condition_variable& changed;
        explicit Wake(std::condition_variable& condition) : changed(condition) {}
        Wake(const Wake&) = delete;
        Wake& operator=(const Wake&) = delete;
        Wake(Wake&&) = delete;
        Wake& operator=(Wake&&) = delete;
        ~Wake() { changed.notify_all(); }
    };

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    bool stopped_ = false;
    std::exception_ptr error_;
};

// A thread of a pipeline: what leaves `work` ends the whole pipeline.
class Stage {
public:
    Stage(Flow& flow, std::function<void()> work);

private:
    std::jthread thread_;
};

} // namespace image_cache
