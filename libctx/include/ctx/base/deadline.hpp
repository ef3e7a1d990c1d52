// Every wait has an end. A Deadline is a point in (monotonic) time; waits take one and give up there.
#pragma once

#include <algorithm>
#include <chrono>

namespace ctx {

class Deadline {
public:
    using Clock = std::chrono::steady_clock;

    static Deadline in(std::chrono::milliseconds time) { return Deadline(Clock::now() + time); }
    static Deadline earlier(Deadline a, Deadline b) { return Deadline(std::min(a.at_, b.at_)); }

    bool passed() const { return Clock::now() >= at_; }

    // What is left, rounded up to a millisecond, never negative: as poll(2) wants it.
    std::chrono::milliseconds left() const
    {
        const auto rest = std::chrono::ceil<std::chrono::milliseconds>(at_ - Clock::now());
        return std::max(rest, std::chrono::milliseconds(0));
    }

private:
    explicit Deadline(Clock::time_point at) : at_(at) {}
    Clock::time_point at_;
};

} // namespace ctx
