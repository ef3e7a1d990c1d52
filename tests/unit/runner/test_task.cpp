// Tasks as the host describes them and as the job shim, which runs in guests, carries them out: here, without
// one.
#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>

#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>
#include <ctx/base/process.hpp>
#include <ctx/base/text.hpp>

#include "../temporary_directory.hpp"
#include "runner/install_paths.hpp"
#include "runner/task/environment.hpp"
#include "runner/task/task.hpp"

using namespace std::chrono_literals;

namespace {

runner::Task sample(const std::string& script)
{
    runner::Task task;
    task.name = "t";
    task.script = script;
    task.workdir = "/";
    task.environment = {"PATH=/usr/bin:/bin"};
    return task;
}

// A folder of the shim, with the task in it.
class Shim {
public:
    explicit Shim(runner::Task task)
    {
        // In a guest it is script_place(); here the test's own folder.
        if (task.program.empty()) task.program = script();
        task.arguments.insert(task.arguments.begin(), task.program);
        put_ = ctx::run(spec("put"), ctx::Deadline::in(10s), runner::encode(task));
    }
    std::string script() const { return folder() + "/script"; }
    std::string folder() const { return (directory_.path() / "x" / "t").string(); }
    const ctx::ProcessResult& put() const { return put_; }
    ctx::ProcessResult run() const { return ctx::run(spec("run"), ctx::Deadline::in(10s)); }
    std::string status() const { return ctx::run(spec("status"), ctx::Deadline::in(10s)).output; }

    ctx::ProcessSpec spec(const std::string& verb, const std::string& number = "") const
    {
        ctx::ProcessSpec result{.argv = {shim_, verb, folder()}};
        if (!number.empty()) result.argv.push_back(number);
        return result;
    }

private:
    TemporaryDirectory directory_;
    std::string shim_ = (runner::install_paths().share / "guest" / "job-shim").string();
    ctx::ProcessResult put_;
};

std::string with_nuls(const std::vector<std::string>& texts)
{
    std::string result;
    for (const std::string& text : texts) result += text + '\0';
    return result;
}

} // namespace

TEST_CASE("a task's environment arrives exactly, in its order, whatever is in it")
{
    runner::Task task = sample("#!/bin/cat /proc/self/environ\n");
    task.environment = {"WORD=it's \"quoted\" $HOME `id`",
                        "LINES=a\nb\n",
                        "EMPTY=",
                        "BASH_FUNC_f%%=() { echo hi; }",
                        "EQUALS=a=b",
                        "TWICE=1",
                        "TWICE=2"};
    // cat shows its own environment, then the script: no shell has touched it.
    const Shim shim(task);
    CHECK(shim.run().output == with_nuls(task.environment) + *task.script);
}

TEST_CASE("a task's arguments, umask, working directory and limits are what it says")
{
    runner::Task task =
        sample("#!/bin/bash\nprintf '<%s>' \"$@\"; umask; pwd; ulimit -Sn; ulimit -Hn; exit 7\n");
    task.arguments = {"-x", "a b", "", "c'd", "$e\n"};
    task.umask = 027;
    task.workdir = "/usr/bin";
    task.limits = {{RLIMIT_NOFILE, 100, 200}};
    const Shim shim(task);
    const auto result = shim.run();
    CHECK(result.output == "<-x><a b><><c'd><$e\n>0027\n/usr/bin\n100\n200\n");
    CHECK(result.status.code == 7);
    CHECK(shim.status() == "exit 7\n");
}

TEST_CASE("death by a signal is told apart from an exit code that looks like it")
{
    const Shim killed(sample("#!/bin/sh\nkill -SEGV $$\n"));
    CHECK(killed.run().status.code == 128 + SIGSEGV);
    CHECK(killed.status() == "signal 11\n");
    const Shim pretending(sample("#!/bin/sh\nexit 139\n"));
    CHECK(pretending.run().status.code == 139);
    CHECK(pretending.status() == "exit 139\n");
}

TEST_CASE("a program without a slash is found by the task's own PATH")
{
    runner::Task task = sample("");
    task.script.reset();
    task.program = "true";
    CHECK(Shim(task).run().status.success());
    task.environment = {"PATH=/nonexistent"};
    const auto result = Shim(task).run();
    CHECK(result.status.code == 127);
    CHECK(result.error_output == "vmbatch: cannot run true: No such file or directory\n");
}

TEST_CASE("a working directory that is not there is found out before the task runs")
{
    runner::Task task = sample("#!/bin/sh\n");
    task.workdir = "/nonexistent";
    const Shim shim(task);
    CHECK(shim.put().status.code == 3);
    CHECK(shim.put().error_output == "vmbatch: cannot enter /nonexistent: No such file or directory\n");
}

TEST_CASE("signals reach the task's whole group, and the shim survives them")
{
    const Shim shim(sample("#!/bin/bash\ntrap 'wait; echo usr1; exit 3' USR1\nsh -c 'trap \"echo child; "
                           "exit\" USR1; while :; do "
                           "sleep 0.02; done' &\nwhile :; do sleep 0.02; done\n"));
    std::thread sender([&] {
        std::this_thread::sleep_for(300ms);
        CHECK(ctx::run(shim.spec("signal", "10"), ctx::Deadline::in(10s)).status.success());
    });
    CHECK(shim.status() == "running\n");
    const auto result = shim.run();
    sender.join();
    CHECK(result.status.code == 3);
    CHECK(result.output.find("usr1\n") != std::string::npos);
    CHECK(result.output.find("child\n") != std::string::npos);
    // A signal for a task that has ended goes nowhere, as everywhere.
    CHECK(ctx::run(shim.spec("signal", "10"), ctx::Deadline::in(10s)).status.success());
}

TEST_CASE("what a task leaves running ends with it, in sessions of its own, too")
{
    // Whoever holds the output open would keep the SSH session.
    const Shim shim(sample(
        "#!/bin/sh\nsetsid sleep 1000 &\nsleep 1000 &\n(sleep 1000 & setsid sleep 1000 &)\nsleep 0.2\n"));
    const auto start = std::chrono::steady_clock::now();
    CHECK(shim.run().status.success());
    CHECK(std::chrono::steady_clock::now() - start < 5s);
}

TEST_CASE("nobody else's folder is taken for the task's")
{
    const TemporaryDirectory directory;
    std::filesystem::create_symlink("/var", directory.path() / "link");
    const std::string shim = (runner::install_paths().share / "guest" / "job-shim").string();
    const auto result = ctx::run({.argv = {shim, "put", (directory.path() / "link" / "t").string()}},
                                 ctx::Deadline::in(10s), runner::encode(sample("")));
    CHECK_FALSE(result.status.success());
    CHECK_FALSE(std::filesystem::exists("/var/t"));
}

TEST_CASE("a NUL byte cannot be carried, and is refused")
{
    runner::Task task = sample("");
    task.environment = {std::string("A=\0b", 4)};
    CHECK_THROWS_AS(runner::encode(task), ctx::Error);
}

TEST_CASE("an environment is completed from account and profile, and the host's own variables stay behind")
{
    ctx::User user;
    user.name = "alice";
    user.home = "/home/alice";
    user.shell = "/bin/bash";
    runner::EnvironmentParts parts{.given = {"B=1", "HOME=/elsewhere", "VMBATCH_CONFIG=/x", "A=2"},
                                   .defaults = {{"A", "profile"}, {"C", "profile"}},
                                   .user = user,
                                   .job_id = "7"};
    CHECK(runner::task_environment(parts) ==
          std::vector<std::string>{"B=1", "HOME=/elsewhere", "A=2", "USER=alice", "LOGNAME=alice",
                                   "SHELL=/bin/bash", "VMBATCH_JOB_ID=7", "C=profile",
                                   "PATH=/usr/local/bin:/usr/bin:/bin"});
    parts.account = runner::AccountVariables::of_the_account;
    CHECK(runner::task_environment(parts)[2] == "HOME=/home/alice");
}
