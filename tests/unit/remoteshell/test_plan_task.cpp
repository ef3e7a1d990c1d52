#include <array>
#include <string>
#include <vector>

#include <unistd.h>

#include <catch2/catch.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/file.hpp>

#include "../temporary_directory.hpp"
#include "remoteshell/plan_task.hpp"

using remoteshell::Form;
using remoteshell::PlannedTask;
using remoteshell::Request;

namespace {

runner::GuestAccess access()
{
    runner::GuestAccess result;
    result.job_id = "7";
    result.user.name = "alice";
    result.user.home = "/home/alice";
    result.user.shell = "/bin/zsh";
    result.environment = {{"SITE", "here"}};
    return result;
}

PlannedTask plan(const Request& request)
{
    const remoteshell::Surroundings surroundings{
        .environment = {"PATH=/x", "VMBATCH_CONFIG=/evil"}, .workdir = "/work", .umask = 027, .limits = {}};
    return remoteshell::plan_task(request, access(), surroundings);
}

// Our own standard input is a pipe with this in it.
class Input {
public:
    explicit Input(const std::string& text) : before_(::dup(STDIN_FILENO))
    {
        std::array<int, 2> ends{};
        REQUIRE(::pipe(ends.data()) == 0);
        ctx::write_all(ends[1], text, "pipe");
        ::close(ends[1]);
        ::dup2(ends[0], STDIN_FILENO);
        ::close(ends[0]);
    }
    Input(const Input&) = delete;
    Input& operator=(const Input&) = delete;
    Input(Input&&) = delete;
    Input& operator=(Input&&) = delete;
    ~Input() { ::dup2(before_.get(), STDIN_FILENO); }

private:
    ctx::Fd before_;
};

} // namespace

TEST_CASE("the shell becomes what the line of pbs_mom names, at its place in the guest")
{
    const TemporaryDirectory directory;
    const std::string script = directory / "69-2.host.SC";
    ctx::write_file(script, "#!/bin/sh\necho hi\n", 0600);
    const Input input(script + " 'a b' $HOME;id\n");
    const PlannedTask planned = plan({.form = Form::script_line, .shell = "/bin/bash"});
    CHECK(planned.task.script == "#!/bin/sh\necho hi\n");
    CHECK(planned.task.program == "/bin/bash");
    CHECK(planned.task.arguments == std::vector<std::string>{"/bin/bash"});
    CHECK(planned.input == "exec " + runner::script_place(planned.task.name) + " 'a b' $HOME;id\n");
    CHECK(planned.task.umask == 027);
    CHECK(planned.task.workdir == "/work");
    CHECK(planned.task.environment == std::vector<std::string>{"PATH=/x", "HOME=/home/alice", "USER=alice",
                                                               "LOGNAME=alice", "SHELL=/bin/zsh",
                                                               "VMBATCH_JOB_ID=7", "SITE=here"});
}

TEST_CASE("a pipe with anything but such a line is refused, and so is a script that cannot be read")
{
    for (const std::string text : {"", "echo hi\n", "/bin/sh\necho\n", "\n", "/nonexistent.SC\n"}) {
        const Input input(text);
        CHECK_THROWS_AS(plan({.form = Form::script_line, .shell = "/bin/sh"}), ctx::Error);
    }
}

TEST_CASE("our own first line is for the host, the user's own is for the guest")
{
    const TemporaryDirectory directory;
    const std::string script = directory / "slurm_script";
    const Request request{.form = Form::interpreter, .shell = {}, .script = script, .command = {"-x", "a b"}};
    ctx::write_file(script, "#!/usr/libexec/vmbatch/remoteshell\n#!/usr/bin/awk -f\nBEGIN {}\n", 0700);
    const runner::Task task = plan(request).task;
    CHECK(task.script == "#!/usr/bin/awk -f\nBEGIN {}\n");
    CHECK(task.arguments == std::vector<std::string>{runner::script_place(task.name), "-x", "a b"});
    CHECK(task.program == task.arguments.front());

    ctx::write_file(script, "#!/usr/libexec/vmbatch/remoteshell\necho hi\n", 0700);
    const runner::Task plain = plan(request).task;
    CHECK(plain.arguments.at(0) == "/bin/sh");
    CHECK(plain.arguments.at(1) == runner::script_place(plain.name));
}

TEST_CASE("commands are themselves, and a shell is a login shell")
{
    const runner::Task command =
        plan({.form = Form::command, .shell = {}, .script = {}, .command = {"hostname", "-f"}}).task;
    CHECK(command.program == "hostname");
    CHECK(command.arguments == std::vector<std::string>{"hostname", "-f"});
    CHECK_FALSE(command.script);
    const runner::Task login = plan({.form = Form::login_shell}).task;
    CHECK(login.program == "/bin/zsh");
    CHECK(login.arguments == std::vector<std::string>{"-zsh"});
    CHECK(plan({.form = Form::login_shell, .shell = "/bin/tcsh"}).task.program == "/bin/tcsh");
}
