#include "tree/dir/confined.hpp"

#include <cerrno>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/text.hpp>

namespace ctx {

Error tree_error(const char* problem, const std::string& path, int error_number)
{
    switch (error_number) {
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case EEXIST:
    case ENOTEMPTY:
    case ELOOP:
    case ENAMETOOLONG: return system_error(problem, printable(path), error_number, Blame::user);
    case ENOSYS:
        return system_error(problem, printable(path), error_number, Blame::node)
            .mend("a Linux kernel of 5.6 or later is needed (openat2)");
    case EPERM:
    case EACCES:
        return system_error(problem, printable(path), error_number, Blame::node)
            .mend("root is needed to change a directory with files of several owners");
    default: return system_error(problem, printable(path), error_number, Blame::node);
    }
}

std::optional<Fd> ConfinedDirectory::find(const std::string& path, Last last) const
{
    struct open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    if (last == Last::keep) how.flags |= O_NOFOLLOW;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    // EAGAIN: somewhere on this host something was renamed just while ".." was resolved.
    constexpr int most_tries = 1000;
    for (int tries = 0;; ++tries) {
        const long fd = syscall(SYS_openat2, root_.get(), path.c_str(), &how, sizeof how);
        if (fd >= 0) return Fd(static_cast<int>(fd));
        if ((errno == EAGAIN || errno == EINTR) && tries < most_tries) continue;
        if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
        throw tree_error("the path cannot be followed", path, errno);
    }
}

Fd ConfinedDirectory::require(const std::string& path, Last last) const
{
    std::optional<Fd> found = find(path, last);
    if (!found) throw tree_error("it is not in the guest", path, ENOENT);
    return std::move(*found);
}

ConfinedDirectory::Place ConfinedDirectory::place(const std::string& path) const
{
    const std::size_t end = path.find_last_not_of('/');
    if (end == std::string::npos) throw Error(Blame::user, "the root itself cannot be changed").at("/");
    const std::size_t slash = path.rfind('/', end);
    const std::size_t start = slash == std::string::npos ? 0 : slash + 1;
    std::string name = path.substr(start, end + 1 - start);
    if (name == "." || name == "..") throw Error(Blame::user, "not the name of a file").at(printable(path));
    const std::string parent = "/" + path.substr(0, start);
    Fd found = require(parent, Last::follow);
    return {std::move(found), std::move(name)};
}

std::string descriptor_path(const Fd& fd)
{
    return fmt::format("/proc/self/fd/{}", fd.get());
}

} // namespace ctx
