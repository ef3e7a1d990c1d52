#include "download_lock.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>

#include <ctx/base/error.hpp>

namespace image_cache {

using namespace std::chrono_literals;

namespace {

// On NFS the client turns this into a lock at the server; it wants the file open for writing.
ctx::Fd open_lock(const Layout& layout, const std::string& key)
{
    return ctx::open_file(layout.download_lock(key), O_RDWR | O_CREAT, 0644);
}

bool lock_now(const ctx::Fd& fd, const Layout& layout, const std::string& key)
{
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return true;
    if (errno == EWOULDBLOCK || errno == EINTR) return false;
    throw ctx::system_error("cannot lock a download", layout.download_lock(key).string(), errno)
        .mend("the cache's file system must know locks; on NFS, see to its lock service");
}

} // namespace

DownloadLock::DownloadLock(const Layout& layout, const std::string& key,
                           const std::optional<ctx::Deadline>& deadline, const std::function<void()>& waiting)
    : fd_(open_lock(layout, key))
{
    auto pause = 10ms;
    while (!lock_now(fd_, layout, key)) {
        if (deadline && deadline->passed())
            throw ctx::Error(ctx::Blame::node, "another process was still fetching the image")
                .at(layout.download_lock(key).string())
                .because("its download did not end before our deadline")
                .mend("it goes on: ask again later, or see who holds it (`fuser` on that file)")
                .as_timeout();
        waiting();
        std::this_thread::sleep_for(pause);
        pause = std::min(pause * 2, 200ms);
    }
}

std::optional<DownloadLock> DownloadLock::try_now(const Layout& layout, const std::string& key)
{
    ctx::Fd fd = open_lock(layout, key);
    if (!lock_now(fd, layout, key)) return std::nullopt;
    return DownloadLock(std::move(fd));
}

} // namespace image_cache
