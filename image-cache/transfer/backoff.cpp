#include "backoff.hpp"

#include <algorithm>

namespace image_cache {

using namespace std::chrono_literals;

std::chrono::milliseconds Backoff::next(std::optional<std::chrono::seconds> retry_after)
{
    constexpr unsigned most_doublings = 6;
    const std::chrono::milliseconds longest = 500ms * (1U << std::min(failures_, most_doublings));
    ++failures_;
    std::uniform_int_distribution<std::int64_t> part(longest.count() / 2, longest.count());
    const std::chrono::milliseconds pause(part(random_));
    return retry_after ? *retry_after + pause / 4 : pause;
}

} // namespace image_cache
