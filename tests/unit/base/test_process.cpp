#include <chrono>
#include <csignal>
#include <string>

#include <catch2/catch.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/process.hpp>

using namespace std::chrono_literals;
using ctx::Deadline;

TEST_CASE("run collects both outputs and the exit code")
{
    const auto result =
        ctx::run({.argv = {"/bin/sh", "-c", "echo out; echo err >&2; exit 7"}}, Deadline::in(10s));
    CHECK(result.output == "out\n");
    CHECK(result.error_output == "err\n");
    CHECK(result.status.code == 7);
    CHECK(result.status.signal == 0);
}

TEST_CASE("run feeds a large input while the program answers")
{
    const std::string input(300'000, 'x');
    const auto result = ctx::run({.argv = {"/bin/cat"}}, Deadline::in(10s), input);
    CHECK(result.output == input);
}

TEST_CASE("a program that does not read its input does not end us")
{
    const std::string input(1'000'000, 'x');
    const auto result = ctx::run({.argv = {"/bin/true"}}, Deadline::in(10s), input);
    CHECK(result.status.success());
}

TEST_CASE("a program that does not end is killed at its deadline")
{
    const auto start = Deadline::Clock::now();
    try {
        ctx::run({.argv = {"/bin/sleep", "60"}}, Deadline::in(100ms));
        FAIL("no timeout");
    } catch (const ctx::Error& error) {
        CHECK(error.timed_out());
        CHECK(exit_code(error) == ctx::ExitCode::timed_out);
    }
    CHECK(Deadline::Clock::now() - start < 5s);
}

TEST_CASE("a missing program is named")
{
    try {
        ctx::run({.argv = {"/nonexistent/program"}}, Deadline::in(1s));
        FAIL("started");
    } catch (const ctx::Error& error) {
        CHECK(std::string(error.what()) == "cannot start: /nonexistent/program: No such file or directory");
    }
}

TEST_CASE("death by a signal is told apart from an exit code")
{
    const auto result = ctx::run({.argv = {"/bin/sh", "-c", "kill -SEGV $$"}}, Deadline::in(10s));
    CHECK(result.status.signal == SIGSEGV);
}

TEST_CASE("only the environment that was said reaches the program")
{
    const auto result = ctx::run({.argv = {"/usr/bin/env"}, .environment = {"ONLY=this"}}, Deadline::in(10s));
    CHECK(result.output == "ONLY=this\n");
}

TEST_CASE("no descriptor of ours leaks into a program")
{
    const auto result = ctx::run({.argv = {"/bin/ls", "/proc/self/fd"}}, Deadline::in(10s));
    // 0, 1, 2 and the one ls itself opens for the directory.
    CHECK(result.output == "0\n1\n2\n3\n");
}

TEST_CASE("a Process that goes out of scope is killed")
{
    pid_t pid = 0;
    {
        const ctx::Process process({.argv = {"/bin/sleep", "60"}});
        pid = process.pid();
    }
    CHECK(::kill(pid, 0) == -1);
}

TEST_CASE("run_checked says what the program said")
{
    try {
        ctx::run_checked({.argv = {"/bin/sh", "-c", "echo 'no such disk' >&2; exit 3"}}, Deadline::in(10s));
        FAIL("no error");
    } catch (const ctx::Error& error) {
        CHECK(std::string(error.what()) == "a program failed: /bin/sh: exit 3: no such disk");
    }
}
