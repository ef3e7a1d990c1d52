// CACHE/lock: held for the moment in which something is published, leased or removed. Never unlinked: a
// process waiting on an unlinked lock would go on beside the one that holds the new file.
#pragma once

#include <ctx/base/fd.hpp>

#include "layout.hpp"

namespace image_cache {

class CacheLock {
public:
    // Waits at most a minute; then Error (node, timed out).
    explicit CacheLock(const Layout& layout);

private:
    ctx::Fd fd_;
};

} // namespace image_cache
