#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string_view>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <ctx/base/error.hpp>

#include "../temporary_directory.hpp"
#include "torque/hook.hpp"
#include "torque/job_starter.hpp"
#include "torque/requeues.hpp"

using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

constexpr int if_killed = 2;

// run_guarded() changes its process for good: it has one of its own here. Its exit code, or 128 + signal.
int ended(const std::function<int()>& work, const std::function<void(pid_t)>& meanwhile = {})
{
    std::cout.flush(); // or the child says it again
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::close(STDERR_FILENO);
        ::open("/dev/null", O_WRONLY);
        std::_Exit(torque::run_guarded("hook", work, if_killed));
    }
    if (meanwhile) meanwhile(pid);
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void write(const fs::path& file, std::string_view text, fs::perms mode)
{
    std::ofstream(file) << text;
    fs::permissions(file, mode);
}

} // namespace

TEST_CASE("a hook is done before mom kills it")
{
    CHECK(torque::hook_time(300s) == 287s);
    CHECK(torque::hook_time(20s) == 8s);
    CHECK(torque::hook_time(15s) == 4s);
    CHECK(torque::hook_time(11s) == 800ms);
    CHECK(torque::hook_time(10s) == 8s); // no ten seconds less there
    CHECK(torque::hook_time(1s) == 800ms);
}

TEST_CASE("a hook's exit code is its work's, and never a signal")
{
    CHECK(ended([] { return 0; }) == 0);
    CHECK(ended([] { return 1; }) == 1);
    for (const int number : {SIGSEGV, SIGABRT, SIGKILL, SIGTERM})
        CHECK(ended([number] {
                  (void)::signal(number, SIG_DFL); // Catch2 has handlers for some
                  return ::raise(number), 0;
              }) == if_killed);
    CHECK(ended([]() -> int { throw std::runtime_error("what"); }) == if_killed);
}

TEST_CASE("signals that a hook is sent leave it alone, but those that ask it to end reach its work")
{
    // The work says when it is ready for TERM: by a file, for what a hook was given open is closed there.
    const TemporaryDirectory here;
    const fs::path ready = here.path() / "ready";
    const auto send = [&ready](int number) {
        return [&ready, number](pid_t pid) {
            for (int tries = 0; !fs::remove(ready) && tries < 6000; ++tries)
                std::this_thread::sleep_for(10ms);
            ::kill(pid, number);
        };
    };
    const auto wait_for_term = [&ready](int seconds) {
        return [&ready, seconds] {
            sigset_t term;
            sigemptyset(&term);
            sigaddset(&term, SIGTERM);
            ::pthread_sigmask(SIG_BLOCK, &term, nullptr);
            std::ofstream(ready).flush();
            const timespec time = {.tv_sec = seconds, .tv_nsec = 0};
            return ::sigtimedwait(&term, nullptr, &time) == SIGTERM ? 7 : 8;
        };
    };
    CHECK(ended(wait_for_term(60), send(SIGTERM)) == 7);
    CHECK(ended(wait_for_term(1), send(SIGSEGV)) == 8);
    CHECK(ended(wait_for_term(1), send(SIGUSR1)) == 8);
}

TEST_CASE("what mom left open does not reach a hook's work, nor mom's umask")
{
    const int leaked = ::fcntl(STDOUT_FILENO, F_DUPFD, 40);
    ::umask(077);
    CHECK(ended([leaked] { return ::fcntl(leaked, F_GETFD) < 0 && ::umask(0) == 022 ? 0 : 9; }) == 0);
    ::umask(022);
    ::close(leaked);
}

TEST_CASE("a job is sent back later and later")
{
    CHECK(torque::requeue_delay(1) == 2s);
    CHECK(torque::requeue_delay(2) == 4s);
    CHECK(torque::requeue_delay(3) == 8s);
    CHECK(torque::requeue_delay(5) == 32s);
    CHECK(torque::requeue_delay(6) == 60s);
    CHECK(torque::requeue_delay(1000) == 60s);
}

TEST_CASE("requeues are counted for each job until they are forgotten")
{
    const TemporaryDirectory directory;
    const torque::Requeues requeues(directory.path());
    CHECK(requeues.count("1.host") == 1);
    CHECK(requeues.count("1.host") == 2);
    CHECK(requeues.count("2[3].host") == 1);
    CHECK(torque::Requeues(directory.path()).count("1.host") == 3);
    requeues.forget("1.host");
    requeues.forget("never seen");
    CHECK(requeues.count("1.host") == 1);

    const fs::path old = directory.path() / "torque" / "requeues" / "2[3].host";
    fs::last_write_time(old, fs::file_time_type::clock::now() - 200h);
    requeues.count("1.host");
    CHECK_FALSE(fs::exists(old));
}

TEST_CASE("mom's job starter is the last one its configuration names")
{
    CHECK(torque::job_starter("$pbsserver host\n$job_starter /a/b\n") == "/a/b");
    CHECK(torque::job_starter("  $job_starter\t/a\n$job_starter /b # c\n") == "/b");
    CHECK_FALSE(torque::job_starter("# $job_starter /a\n$job_starter_run_privileged true\n$job_starter\n"));
}

TEST_CASE("a job starter that mom could not execute is refused")
{
    const TemporaryDirectory directory;
    const fs::path starter = directory.path() / "remoteshell";
    const auto refusal = [&] {
        try {
            torque::require_job_starter(directory.path());
        } catch (const ctx::Error& error) {
            CHECK(error.blame() == ctx::Blame::node);
            return true;
        }
        return false;
    };
    CHECK(refusal());
    write(directory.path() / "config", "$prologalarm 600\n", fs::perms(0644));
    CHECK(refusal());
    write(directory.path() / "config", "$job_starter " + starter.string() + "\n", fs::perms(0644));
    CHECK(refusal());
    write(starter, "", fs::perms(0744));
    CHECK(refusal());
    fs::permissions(starter, fs::perms(0755));
    CHECK_FALSE(refusal());
    fs::remove(starter);
    fs::create_directory(starter);
    CHECK(refusal());
}
