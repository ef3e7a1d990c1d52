// How long to wait before the next try: longer each time, and never in step with other hosts that failed at
// once.
#pragma once

#include <chrono>
#include <optional>
#include <random>

namespace image_cache {

class Backoff {
public:
    explicit Backoff(std::uint64_t seed = std::random_device()()) : random_(seed) {}

    // Where the server says how long, that, and a little more.
    std::chrono::milliseconds next(std::optional<std::chrono::seconds> retry_after = {});
    // Something came: the next failure is a first one again.
    void progress() { failures_ = 0; }
    unsigned failures() const { return failures_; }

private:
    std::mt19937_64 random_;
    unsigned failures_ = 0;
};

} // namespace image_cache
