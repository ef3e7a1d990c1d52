#include "worker.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/file.hpp>

#include "../runner/guest/keep_flags.hpp"
#include "../runner/guest/task_session.hpp"
#include "../runner/ledger/steps.hpp"
#include "../runner/lifecycle/interruption.hpp"

namespace remoteshell {

using namespace std::chrono_literals;
using ctx::Deadline;
using Clock = std::chrono::steady_clock;

namespace {

// What the leader has caught. Until there is a job to pass them to, those that end a process end us.
class Signals : public runner::Interruption {
public:
    explicit Signals(int pipe) : pipe_(pipe) { ::fcntl(pipe_, F_SETFL, O_NONBLOCK); }

    int fd() const noexcept override { return pipe_; }
    void check() override
    {
        for (const int number : read()) {
            if (number == SIGHUP || number == SIGINT || number == SIGQUIT || number == SIGTERM)
                throw runner::Interrupted{number};
            early_.push_back(number);
        }
    }
    std::vector<int> take()
    {
        std::vector<int> result = std::exchange(early_, {});
        for (const int number : read()) result.push_back(number);
        return result;
    }

private:
    std::vector<int> read() const
    {
        std::array<unsigned char, 64> numbers{};
        const ssize_t count = ::read(pipe_, numbers.data(), numbers.size());
        return {numbers.begin(), numbers.begin() + std::max<ssize_t>(count, 0)};
    }

    int pipe_;
    std::vector<int> early_;
};

// SIGSTOP cannot be caught: that the leader is stopped is seen from outside.
bool is_stopped(pid_t pid)
{
    const std::string stat = ctx::read_file(fmt::format("/proc/{}/stat", pid), 4096);
    const std::size_t after_name = stat.rfind(')');
    return after_name != std::string::npos && stat.compare(after_name, 4, ") T ") == 0;
}

class Relay {
public:
    Relay(const runner::TaskSession& session, const FromLeader& leader) : session_(session), leader_(leader)
    {
    }

    void pass(int number)
    {
        if (number == SIGWINCH) {
            session_.resized();
            return;
        }
        send(number);
        // A suspended job gets TSTP and, a moment later, STOP. On a host the kernel does the second.
        if (number == SIGTSTP) stop_at_ = Clock::now() + 500ms;
        if (number == SIGCONT) {
            stop_at_ = never;
            stopped_ = false;
        }
    }

    // Called at least twice a second.
    void look()
    {
        if (Clock::now() >= stop_at_) {
            stop_at_ = never;
            send(SIGSTOP);
        }
        const bool stopped = is_stopped(leader_.leader);
        if (stopped && !stopped_) send(SIGSTOP);
        if (!stopped && stopped_) send(SIGCONT);
        stopped_ = stopped;
    }

private:
    // One that does not get there is lost with the connection, which is noticed at the session's end.
    void send(int number) const
    try {
        session_.signal(number, Deadline::in(20s));
    } catch (const ctx::Error&) { // NOLINT(bugprone-empty-catch)
    }

    const runner::TaskSession& session_;
    const FromLeader& leader_;
    static constexpr Clock::time_point never = Clock::time_point::max();
    Clock::time_point stop_at_ = never;
    bool stopped_ = false;
};

runner::SshTarget target_of(const runner::GuestAccess& access, const std::filesystem::path& directory)
{
    return {.address = access.address,
            .port = access.port,
            .host_alias = access.host_alias,
            .user = access.user.name,
            .run_as = {}, // we are the user
            .directory = directory};
}

// The task's input as a file of ours, if it is not our own.
ctx::Fd input_file(const std::optional<std::string>& input)
{
    if (!input) return {};
    ctx::Fd file(::memfd_create("input", MFD_CLOEXEC));
    if (!file) throw ctx::system_error("cannot keep the task's input", "memfd", errno);
    ctx::write_all(file.get(), *input, "memfd");
    ::lseek(file.get(), 0, SEEK_SET);
    return file;
}

void wait_for(runner::TaskSession& session, Signals& signals, const FromLeader& leader)
{
    Relay relay(session, leader);
    while (!session.ended()) {
        std::array<pollfd, 2> watched = {{{.fd = session.pidfd(), .events = POLLIN, .revents = 0},
                                          {.fd = signals.fd(), .events = POLLIN, .revents = 0}}};
        constexpr int look_every_ms = 500;
        ::poll(watched.data(), watched.size(), look_every_ms);
        for (const int number : signals.take()) relay.pass(number);
        relay.look();
    }
}

} // namespace

ctx::ExitStatus work(const runner::GuestAccess& access, const std::filesystem::path& directory,
                     const PlannedTask& plan, const FromLeader& leader)
try {
    Signals signals(leader.signals);
    const ctx::Fd input = input_file(plan.input);
    const Deadline deadline = Deadline::in(access.connect);
    const auto guest = runner::SshConnection::open(target_of(access, directory), deadline, signals);
    runner::reached(runner::Step::guest_connected);
    runner::TaskSession::send(guest, plan.task, deadline);
    runner::reached(runner::Step::task_sent);

    const runner::KeepFlags keep;
    runner::TaskStreams streams;
    if (input) streams.input = input.get();
    if (!input && ::isatty(STDIN_FILENO) == 1) streams.terminal = runner::Terminal::yes;
    runner::TaskSession session(guest, plan.task, streams);
    runner::reached(runner::Step::task_begun);
    wait_for(session, signals, leader);
    runner::reached(runner::Step::task_ended);
    return session.result();
} catch (const runner::Interrupted& interrupted) {
    return {0, interrupted.signal}; // there was no job yet that could have chosen otherwise
}

} // namespace remoteshell
