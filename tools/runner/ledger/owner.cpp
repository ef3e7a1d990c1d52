#include "owner.hpp"

#include <charconv>
#include <csignal>
#include <ctime>
#include <sstream>

#include <poll.h>
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

std::int64_t start_ticks(pid_t pid)
{
    const std::string text = start_time(pid);
    std::int64_t result = 0;
    std::from_chars(text.data(), text.data() + text.size(), result);
    return result;
}

std::int64_t ticks_per_second()
{
    return ::sysconf(_SC_CLK_TCK);
}

std::int64_t now_in_ticks()
{
    timespec now{};
    (void)::clock_gettime(CLOCK_BOOTTIME, &now); // fails for a clock that is none
    constexpr std::int64_t nanoseconds = 1'000'000'000;
    return now.tv_sec * ticks_per_second() + now.tv_nsec / (nanoseconds / ticks_per_second());
}

std::string host_boot_id()
{
    return ctx::read_file("/proc/sys/kernel/random/boot_id", 64);
}

std::string describe_owner()
{
    return fmt::format("{} {}\n", ::getpid(), start_time(::getpid()));
}

ctx::Fd owner_process(const std::filesystem::path& lock_file)
try {
    std::istringstream owner(ctx::read_file(lock_file, 128));
    pid_t pid = 0;
    std::string started;
    if (!(owner >> pid >> started) || pid <= 1) return {};
    ctx::Fd process(::pidfd_open(pid, 0));
    // Asked after it is held: a process that ends now leaves the number to nobody we could hit.
    if (!process || start_time(pid) != started) return {};
    return process;
} catch (const ctx::Error&) {
    return {}; // it ended while we looked
}

bool owner_lives(const std::filesystem::path& lock_file)
{
    // A process that has been killed and not yet been waited for is no owner any more: its pidfd is readable.
    const ctx::Fd process = owner_process(lock_file);
    if (!process) return false;
    pollfd ended = {.fd = process.get(), .events = POLLIN, .revents = 0};
    return ::poll(&ended, 1, 0) == 0;
}

void signal_owner(const ctx::Fd& process, int number)
{
    if (process) ::pidfd_send_signal(process.get(), number, nullptr, 0);
}

} // namespace runner
