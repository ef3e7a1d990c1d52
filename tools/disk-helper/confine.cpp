#include "confine.hpp"

#include <array>
#include <cerrno>
#include <memory>
#include <type_traits>

#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>

namespace {

using ctx::system_error;

struct ReleaseFilter {
    void operator()(void* filter) const { seccomp_release(filter); }
};

void limit(__rlimit_resource_t what, rlim_t most)
{
    const rlimit bound = {.rlim_cur = most, .rlim_max = most};
    if (::setrlimit(what, &bound) < 0) throw system_error("cannot limit a helper", "setrlimit", errno);
}

void limit_resources()
{
    limit(RLIMIT_AS, rlim_t{1} << 30);
    limit(RLIMIT_CPU, 120);
    limit(RLIMIT_CORE, 0); // what was read stays out of core files
    limit(RLIMIT_NOFILE, 64);
}

// No rule: nothing below any directory is allowed.
void forbid_files()
{
    const landlock_ruleset_attr all = {.handled_access_fs =
                                           (std::uint64_t{LANDLOCK_ACCESS_FS_MAKE_SYM} << 1U) - 1};
    const ctx::Fd ruleset(
        static_cast<int>(::syscall(SYS_landlock_create_ruleset, &all, sizeof all, std::uint32_t{0})));
    if (!ruleset) return;
    if (::syscall(SYS_landlock_restrict_self, ruleset.get(), std::uint32_t{0}) < 0)
        throw system_error("cannot confine a helper", "landlock", errno);
}

// Everything else is answered with EPERM: a library that tries something first and has another way, takes
// that.
void allow_few_calls()
{
    const std::unique_ptr<void, ReleaseFilter> filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
    if (!filter) throw system_error("cannot confine a helper", "seccomp", ENOMEM);
    constexpr std::array allowed = {
        SCMP_SYS(read),         SCMP_SYS(write),        SCMP_SYS(readv),          SCMP_SYS(writev),
        SCMP_SYS(pread64),      SCMP_SYS(pwrite64),     SCMP_SYS(recvfrom),       SCMP_SYS(sendto),
        SCMP_SYS(recvmsg),      SCMP_SYS(sendmsg),      SCMP_SYS(shutdown),       SCMP_SYS(poll),
        SCMP_SYS(ppoll),        SCMP_SYS(getsockopt),   SCMP_SYS(setsockopt),     SCMP_SYS(close),
        SCMP_SYS(fstat),        SCMP_SYS(newfstatat),   SCMP_SYS(lseek),          SCMP_SYS(fcntl),
        SCMP_SYS(ftruncate),    SCMP_SYS(memfd_create), SCMP_SYS(fadvise64),      SCMP_SYS(mmap),
        SCMP_SYS(munmap),       SCMP_SYS(mremap),       SCMP_SYS(mprotect),       SCMP_SYS(madvise),
        SCMP_SYS(brk),          SCMP_SYS(futex),        SCMP_SYS(getrandom),      SCMP_SYS(clock_gettime),
        SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask), SCMP_SYS(getpid),
        SCMP_SYS(gettid),       SCMP_SYS(sysinfo),      SCMP_SYS(exit),           SCMP_SYS(exit_group)};
    for (const int call : allowed) {
        if (const int result = seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0); result < 0)
            throw system_error("cannot confine a helper", "seccomp", -result);
    }
    if (const int result = seccomp_load(filter.get()); result < 0)
        throw system_error("cannot confine a helper", "seccomp", -result);
}

} // namespace

void confine()
{
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        throw system_error("cannot confine a helper", "prctl", errno);
    limit_resources();
    forbid_files();
    allow_few_calls();
}
