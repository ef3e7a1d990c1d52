#include <chrono>
#include <filesystem>
#include <string>

#include <catch2/catch.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>
#include <ctx/base/process.hpp>

#include "../temporary_directory.hpp"
#include "runner/guest/job_script.hpp"

using namespace std::chrono_literals;

namespace {

runner::Job sample()
{
    runner::Job job;
    job.id = "run-1";
    job.user.name = "alice";
    job.user.home = "/home/alice";
    job.user.shell = "/bin/bash";
    job.workdir = "/";
    return job;
}

// Runs `launch` as the guest would, but with the script in a folder of the test.
ctx::ProcessResult launch(const runner::Job& job, const std::string& script)
{
    const TemporaryDirectory directory;
    ctx::write_file(directory / "script", script, 0700);
    std::string text = runner::render_job_files(job, script, {}).launch;
    const std::string folder = runner::guest_job_folder;
    for (std::size_t at = text.find(folder); at != std::string::npos; at = text.find(folder, at))
        text.replace(at, folder.size(), directory.path().string());
    ctx::write_file(directory / "launch", text, 0600);
    return ctx::run({.argv = {"/bin/sh", (directory / "launch").string()}}, ctx::Deadline::in(10s));
}

} // namespace

TEST_CASE("the environment arrives exactly, whatever is in it")
{
    runner::Job job = sample();
    job.environment = {"WORD=it's \"quoted\" $HOME `id`",
                       "LINES=a\nb\n",
                       "EMPTY=",
                       "BASH_FUNC_f%%=() { echo hi; }",
                       "HOME=/elsewhere",
                       "VMBATCH_CONFIG=/x",
                       "EQUALS=a=b"};
    // cat shows its own environment, then the script: no shell has touched it.
    const std::string script = "#!/bin/cat /proc/self/environ\n";
    const auto result = launch(job, script);
    REQUIRE(result.status.success());
    std::string expected;
    for (const char* variable :
         {"BASH_FUNC_f%%=() { echo hi; }", "EMPTY=", "EQUALS=a=b", "HOME=/home/alice", "LINES=a\nb\n",
          "LOGNAME=alice", "PATH=/usr/local/bin:/usr/bin:/bin", "SHELL=/bin/bash", "USER=alice",
          "VMBATCH_JOB_ID=run-1", "WORD=it's \"quoted\" $HOME `id`"})
        expected += std::string(variable) + '\0';
    CHECK(result.output == expected + script);
}

TEST_CASE("arguments arrive exactly, and a script without #! is the shell's")
{
    runner::Job job = sample();
    job.arguments = {"-x", "a b", "", "c'd", "$e\n"};
    const auto result = launch(job, "for a; do printf '<%s>' \"$a\"; done; exit 7");
    CHECK(result.output == "<-x><a b><><c'd><$e\n>");
    CHECK(result.status.code == 7);
}

TEST_CASE("umask and working directory are the job's")
{
    runner::Job job = sample();
    job.umask = 027;
    job.workdir = "/usr/bin";
    CHECK(launch(job, "#!/bin/sh\numask; pwd\n").output == "0027\n/usr/bin\n");
}

TEST_CASE("the files travel as a tar stream")
{
    const TemporaryDirectory directory;
    const std::string stream = runner::pack({"script's bytes\n", "launch", "main"});
    const auto result = ctx::run({.argv = {"/bin/tar", "-xf", "-", "-C", directory.path().string()}},
                                 ctx::Deadline::in(10s), stream);
    REQUIRE(result.status.success());
    CHECK(ctx::read_file(directory / "script", 100) == "script's bytes\n");
    CHECK((std::filesystem::status(directory / "script").permissions() & std::filesystem::perms::mask) ==
          std::filesystem::perms::owner_all);
}
