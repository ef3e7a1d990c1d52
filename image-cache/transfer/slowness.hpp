// Whether a transfer has become too slow to go on with. Time in which we ourselves were not ready to take
// more (a busy disk) does not count.
#pragma once

#include <chrono>
#include <cstdint>

namespace image_cache {

class Slowness {
public:
    using Clock = std::chrono::steady_clock;

    // Less than `bytes_per_second` for all of `time`.
    Slowness(std::uint64_t bytes_per_second, std::chrono::seconds time, Clock::time_point now)
        : least_(bytes_per_second), time_(time), since_(now)
    {
    }

    void received(std::uint64_t bytes) { bytes_ += bytes; }
    void we_were_busy(Clock::duration time) { since_ += time; }

    bool is_too_slow(Clock::time_point now)
    {
        const auto passed = now - since_;
        if (passed < time_) return false;
        const double wanted = static_cast<double>(least_) * std::chrono::duration<double>(passed).count();
        if (static_cast<double>(bytes_) < wanted) return true;
        since_ = now;
        bytes_ = 0;
        return false;
    }

private:
    std::uint64_t least_;
    std::chrono::seconds time_;
    Clock::time_point since_;
    std::uint64_t bytes_ = 0;
};

} // namespace image_cache
