#include "lock.hpp"

#include <cerrno>
#include <chrono>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>

#include <ctx/base/deadline.hpp>

namespace image_cache {

using namespace std::chrono_literals;

CacheLock::CacheLock(const Layout& layout) : fd_(ctx::open_file(layout.lock(), O_RDWR | O_CREAT, 0644))
{
    // Asked again and again rather than waited for: a holder stopped by a hanging disk must not stop us for
    // ever.
    const ctx::Deadline deadline = ctx::Deadline::in(1min);
    while (::flock(fd_.get(), LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            throw ctx::system_error("cannot lock the image cache", layout.lock().string(), errno);
        if (deadline.passed())
            throw ctx::Error(ctx::Blame::node, "the image cache stayed locked for a minute")
                .at(layout.lock().string())
                .because("another process is publishing or removing an image and does not get on")
                .mend("see who holds it (`lsof` or `fuser` on that file) and whether its disk hangs")
                .as_timeout();
        std::this_thread::sleep_for(10ms);
    }
}

} // namespace image_cache
