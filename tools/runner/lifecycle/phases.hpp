// What a job is waiting for, and how long each part took.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <ctx/base/error.hpp>

namespace runner {

struct Phase {
    std::string name;
    std::chrono::milliseconds time{};
};

// Told at the beginning of each phase (time still 0) and at its end.
struct PhaseListener {
    std::function<void(const Phase&)> begun;
    std::function<void(const Phase&)> ended;
};

class Phases {
public:
    explicit Phases(PhaseListener listener) : listener_(std::move(listener)) {}

    template <class Work>
    decltype(auto) run(std::string_view name, Work&& work)
    {
        const Timing timing(*this, name);
        try {
            return std::forward<Work>(work)();
        } catch (ctx::Error& error) {
            failed_ = name;
            if (error.timed_out()) error.add_context(timing.after());
            throw;
        }
    }

    const std::vector<Phase>& done() const { return done_; }
    // The one an Error came from; "" if none did.
    const std::string& failed() const { return failed_; }

private:
    class Timing {
    public:
        Timing(Phases& phases, std::string_view name);
        Timing(const Timing&) = delete;
        Timing& operator=(const Timing&) = delete;
        Timing(Timing&&) = delete;
        Timing& operator=(Timing&&) = delete;
        ~Timing();

        std::string after() const; // "in phase 'ready', after 12.3 s"

    private:
        Phases& phases_;
        std::string name_;
        std::chrono::steady_clock::time_point start_;
        int unwinding_;
    };

    PhaseListener listener_;
    std::vector<Phase> done_;
    std::string failed_;
};

} // namespace runner
