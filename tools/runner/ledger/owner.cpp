#include "owner.hpp"

#include <csignal>
#include <sstream>

#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/file.hpp>

extern "C" { // glibc 2.36's header forgets to say so
#include <sys/pidfd.h>
}

namespace runner {

// The 22nd field of /proc/PID/stat. The second one is a name that may hold anything; it ends with the last
// ')'.
std::string start_time(pid_t pid)
{
    const std::string stat = ctx::read_file(fmt::format("/proc/{}/stat", pid), 4096);
    std::istringstream fields(stat.substr(stat.rfind(')') + 1));
    std::string field;
    constexpr int fields_between = 20;
    for (int i = 0; i < fields_between; ++i) fields >> field;
    return field;
}

std::string host_boot_id()
{
    return ctx::read_file("/proc/sys/kernel/random/boot_id", 64);
}

std::string describe_owner()
{
    return fmt::format("{} {}\n", ::getpid(), start_time(::getpid()));
}

void signal_owner(const std::filesystem::path& lock_file, int number)
try {
    std::istringstream owner(ctx::read_file(lock_file, 128));
    pid_t pid = 0;
    std::string started;
    if (!(owner >> pid >> started) || pid <= 1) return;
    const ctx::Fd process(::pidfd_open(pid, 0));
    // Asked after it is held: a process that ends now leaves the number to nobody we could hit.
    if (!process || start_time(pid) != started) return;
    ::pidfd_send_signal(process.get(), number, nullptr, 0);
} catch (const ctx::Error&) { // NOLINT(bugprone-empty-catch): it ended while we looked
}

} // namespace runner
