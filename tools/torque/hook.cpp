#include "hook.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <exception>
#include <iostream>

#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

namespace torque {

using namespace std::chrono_literals;

std::chrono::milliseconds hook_time(std::chrono::milliseconds prologalarm)
{
    const auto killed_after = prologalarm > 10s ? prologalarm - 10s : prologalarm;
    // Starting, forking and writing down take a moment, also on a busy host.
    const auto margin = std::min<std::chrono::milliseconds>(killed_after / 5, 3s);
    return killed_after - margin;
}

namespace {

// A signal handler has nothing else to know it by.
volatile std::sig_atomic_t worker = 0; // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

void pass_on(int number)
{
    if (worker > 0) ::kill(static_cast<pid_t>(worker), number);
}

constexpr std::array asking_to_end = {SIGINT, SIGTERM, SIGHUP};

void watch_signals()
{
    struct sigaction ignore{};
    ignore.sa_handler = SIG_IGN; // NOLINT(cppcoreguidelines-pro-type-cstyle-cast): the macro's
    for (int number = 1; number < SIGRTMIN; ++number) {
        if (number != SIGCHLD) ::sigaction(number, &ignore, nullptr);
    }
    struct sigaction forward{};
    forward.sa_handler = pass_on;
    forward.sa_flags = SA_RESTART;
    for (const int number : asking_to_end) ::sigaction(number, &forward, nullptr);
}

[[noreturn]] void be_worker(const std::function<int()>& work, const sigset_t& before, int if_killed)
{
    ::prctl(PR_SET_PDEATHSIG, SIGKILL); // a hook that mom kills is killed whole
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    (void)::signal(SIGPIPE, SIG_IGN); // nobody may be listening any more
    int code = if_killed;
    try {
        code = work();
    } catch (const std::exception& error) {
        std::cerr << "vmbatch: internal error: " << error.what() << '\n';
    }
    std::cerr.flush();
    std::_Exit(code);
}

} // namespace

int run_guarded(const std::string& hook, const std::function<int()>& work, int if_killed)
{
    ::close_range(STDERR_FILENO + 1, ~0U, 0);
    ::umask(022); // mom's for prologues is 077, and what we make is made with modes of its own

    // A signal that comes before both sides are ready for it waits.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t child = ::fork();
    if (child < 0) return if_killed;
    if (child == 0) be_worker(work, before, if_killed);

    worker = child;
    watch_signals();
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    say(hook, "it was killed by signal " + std::to_string(WTERMSIG(status)));
    return if_killed;
}

void say(const std::string& hook, const std::string& line)
{
    std::cerr << "vmbatch: " << line << '\n';
    ::openlog("vmbatch", LOG_PID, LOG_DAEMON);
    ::syslog(LOG_ERR, "%s: %s", hook.c_str(), line.c_str());
}

} // namespace torque
