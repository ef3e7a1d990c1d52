#include "leader.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>

#include "signal_filter.hpp"

namespace remoteshell {

namespace {

struct Pipe {
    ctx::Fd read;
    ctx::Fd write;
};

Pipe make_pipe()
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) < 0) throw ctx::system_error("cannot make a pipe", "", errno);
    return {ctx::Fd(ends[0]), ctx::Fd(ends[1])};
}

// The SSH client puts a terminal into raw mode, and cannot put it back if it is killed.
class KeepTerminal {
public:
    KeepTerminal() : is_terminal_(::tcgetattr(STDIN_FILENO, &before_) == 0) {}
    KeepTerminal(const KeepTerminal&) = delete;
    KeepTerminal& operator=(const KeepTerminal&) = delete;
    KeepTerminal(KeepTerminal&&) = delete;
    KeepTerminal& operator=(KeepTerminal&&) = delete;
    ~KeepTerminal()
    {
        if (is_terminal_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    }

private:
    termios before_{};
    bool is_terminal_;
};

sigset_t caught_signals()
{
    sigset_t result;
    sigemptyset(&result);
    for (const int number : forwarded_signals()) sigaddset(&result, number);
    // TTOU, TTIN: a terminal may be put back from the background.
    for (const int number : {SIGCHLD, SIGWINCH, SIGPIPE, SIGTTOU, SIGTTIN}) sigaddset(&result, number);
    return result;
}

[[noreturn]] void be_worker(const std::function<ctx::ExitStatus(const FromLeader&)>& work, pid_t leader,
                            const Pipe& signals, const Pipe& outcome)
{
    ::setsid();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != leader) ::_exit(1);
    const ctx::ExitStatus status = work({leader, signals.read.get()});
    const std::array<int, 2> words = {status.code, status.signal};
    if (::write(outcome.write.get(), words.data(), sizeof words) < 0) ::_exit(1);
    ::_exit(0);
}

// Each once. Told by when it came to us: the worker may be busy with the one before.
void pass_on(const ctx::Fd& caught, const ctx::Fd& signals, SignalFilter& filter)
{
    signalfd_siginfo info{};
    while (::read(caught.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        const auto number = static_cast<unsigned char>(info.ssi_signo);
        if (number == SIGCHLD || number == SIGPIPE || number == SIGTTOU || number == SIGTTIN) continue;
        if (number != SIGWINCH && !filter.take(number, SignalFilter::Clock::now())) continue;
        // A worker that does not read has lost its guest; it ends by its own deadlines.
        if (::write(signals.get(), &number, 1) < 0) return;
    }
}

ctx::ExitStatus outcome_of(pid_t worker, const ctx::Fd& outcome)
{
    int status = 0;
    while (::waitpid(worker, &status, 0) < 0 && errno == EINTR) {
    }
    std::array<int, 2> words{};
    if (::read(outcome.get(), words.data(), sizeof words) == static_cast<ssize_t>(sizeof words))
        return {words[0], words[1]};
    return {0, WIFSIGNALED(status) ? WTERMSIG(status) : SIGKILL};
}

} // namespace

ctx::ExitStatus lead(const std::function<ctx::ExitStatus(const FromLeader&)>& work)
{
    const KeepTerminal terminal;
    const sigset_t watched = caught_signals();
    ::sigprocmask(SIG_BLOCK, &watched, nullptr);
    const ctx::Fd caught(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
    Pipe signals = make_pipe();
    Pipe outcome = make_pipe();
    if (!caught) throw ctx::system_error("cannot watch signals", "signalfd", errno);

    const pid_t leader = ::getpid();
    const pid_t worker = ::fork();
    if (worker < 0) throw ctx::system_error("cannot start", "the worker", errno);
    if (worker == 0) be_worker(work, leader, signals, outcome);
    signals.read = ctx::Fd();
    outcome.write = ctx::Fd();
    ::fcntl(signals.write.get(), F_SETFL, O_NONBLOCK);

    SignalFilter filter;
    // The outcome's pipe is closed when the worker has ended, in whatever way.
    for (;;) {
        std::array<pollfd, 2> waited = {{{.fd = caught.get(), .events = POLLIN, .revents = 0},
                                         {.fd = outcome.read.get(), .events = POLLIN, .revents = 0}}};
        if (::poll(waited.data(), waited.size(), -1) < 0 && errno != EINTR)
            throw ctx::system_error("cannot wait", "poll", errno);
        if (waited[0].revents != 0) pass_on(caught, signals.write, filter);
        if (waited[1].revents != 0) return outcome_of(worker, outcome.read);
    }
}

void end_like(const ctx::ExitStatus& status)
{
    if (status.signal == 0) std::exit(status.code);
    // It was the job's death: a core of ours would tell nothing.
    const rlimit none{};
    ::setrlimit(RLIMIT_CORE, &none);
    (void)::signal(status.signal, SIG_DFL);
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, status.signal);
    ::sigprocmask(SIG_UNBLOCK, &one, nullptr);
    ::kill(::getpid(), status.signal);
    constexpr int first_signal = 128;
    std::exit(first_signal + status.signal); // one that does not end a process
}

} // namespace remoteshell
