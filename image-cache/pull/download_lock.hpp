// One download of a file across all processes that share the cache. The lock is the kernel's: it goes with
// its holder. The file is never unlinked: a process waiting on an unlinked one would go on beside the next
// holder.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <ctx/base/deadline.hpp>
#include <ctx/base/fd.hpp>

#include "../layout.hpp"

namespace image_cache {

class DownloadLock {
public:
    // Waits until it is free, calling `waiting` now and then. Throws Error (node, timed out).
    DownloadLock(const Layout& layout, const std::string& key, const std::optional<ctx::Deadline>& deadline,
                 const std::function<void()>& waiting);
    // Nothing if somebody has it.
    static std::optional<DownloadLock> try_now(const Layout& layout, const std::string& key);

private:
    explicit DownloadLock(ctx::Fd fd) : fd_(std::move(fd)) {}
    ctx::Fd fd_;
};

} // namespace image_cache
