// What a job is waiting for, and how long each part took.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

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
        return std::forward<Work>(work)();
    }

    const std::vector<Phase>& done() const { return done_; }

private:
    class Timing {
    public:
        Timing(Phases& phases, std::string_view name);
        Timing(const Timing&) = delete;
        Timing& operator=(const Timing&) = delete;
        Timing(Timing&&) = delete;
        Timing& operator=(Timing&&) = delete;
        ~Timing();

    private:
        Phases& phases_;
        std::string name_;
        std::chrono::steady_clock::time_point start_;
        int unwinding_;
    };

    PhaseListener listener_;
    std::vector<Phase> done_;
};

} // namespace runner
