#include <array>
#include <chrono>
#include <csignal>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "remoteshell/leader.hpp"
#include "remoteshell/signal_filter.hpp"

using namespace std::chrono_literals;
using remoteshell::FromLeader;

namespace {

// Leads in a process of its own, for a leader changes its process; gives what that ended with.
int led(const std::function<ctx::ExitStatus(const FromLeader&)>& work)
{
    const pid_t child = ::fork();
    if (child == 0) remoteshell::end_like(remoteshell::lead(work));
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
}

int next_signal(const FromLeader& leader)
{
    unsigned char number = 0;
    return ::read(leader.signals, &number, 1) == 1 ? number : -1;
}

} // namespace

TEST_CASE("the leader ends as the job ended, by its exit code or by the same signal")
{
    CHECK(WEXITSTATUS(led([](const FromLeader&) { return ctx::ExitStatus{7, 0}; })) == 7);
    for (const int number : {SIGSEGV, SIGKILL, SIGTERM}) {
        const int status = led([&](const FromLeader&) { return ctx::ExitStatus{0, number}; });
        CHECK(WIFSIGNALED(status));
        CHECK(WTERMSIG(status) == number);
        CHECK_FALSE(WCOREDUMP(status));
    }
}

TEST_CASE("the leader survives signals and passes them on; its worker is in a session of its own")
{
    const int status = led([](const FromLeader& leader) {
        if (::getsid(0) == ::getsid(leader.leader)) return ctx::ExitStatus{1, 0};
        for (const int number : {SIGTERM, SIGUSR1, SIGHUP, SIGINT, SIGTSTP, SIGCONT}) {
            ::kill(leader.leader, number);
            if (next_signal(leader) != number) return ctx::ExitStatus{2, 0};
        }
        return ctx::ExitStatus{0, 0};
    });
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("the leader passes a signal on once, however long its worker is busy")
{
    const int status = led([](const FromLeader& leader) {
        for (int times = 0; times < 4; ++times) {
            ::kill(leader.leader, SIGUSR2);
            std::this_thread::sleep_for(20ms);
        }
        std::this_thread::sleep_for(700ms);
        ::kill(leader.leader, SIGALRM);
        if (next_signal(leader) != SIGUSR2) return ctx::ExitStatus{1, 0};
        return ctx::ExitStatus{next_signal(leader) == SIGALRM ? 0 : 2, 0};
    });
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a worker that is killed is a job that is killed")
{
    const int status = led([](const FromLeader&) {
        ::kill(::getpid(), SIGKILL);
        return ctx::ExitStatus{};
    });
    CHECK(WIFSIGNALED(status));
}

TEST_CASE("a signal that comes by several ways at once is one")
{
    remoteshell::SignalFilter filter;
    const auto start = remoteshell::SignalFilter::Clock::now();
    CHECK(filter.take(SIGUSR1, start));
    CHECK_FALSE(filter.take(SIGUSR1, start + 3ms));
    CHECK(filter.take(SIGUSR2, start + 3ms));
    CHECK(filter.take(SIGUSR1, start + 600ms));
}
