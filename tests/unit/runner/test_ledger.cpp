#include <chrono>
#include <csignal>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>

#include "../temporary_directory.hpp"
#include "runner/ledger/ledger.hpp"
#include "runner/ledger/owner.hpp"
#include "runner/lifecycle/end_job.hpp"

namespace {

runner::JobRecord record_of(const std::string& id, const std::string& nonce = "aa")
{
    return {.id = id,
            .nonce = nonce,
            .uuid = "u",
            .user = "alice",
            .profile = "p",
            .hypervisor = "qemu",
            .created = 1};
}

} // namespace

TEST_CASE("a job directory appears complete and owned")
{
    const TemporaryDirectory state;
    const auto ledger = runner::Ledger::create(state.path(), record_of("69[2].server"), ::getgid());
    CHECK(std::filesystem::exists(ledger.private_directory() / "job.json"));
    const auto jobs = runner::list_jobs(state.path());
    REQUIRE(jobs.size() == 1);
    CHECK(jobs[0].record.id == "69[2].server");
    CHECK(jobs[0].state == runner::JobState::running);
    CHECK_FALSE(runner::Ledger::take(state.path(), "69[2].server")); // its owner lives
}

TEST_CASE("an id that is in use is refused")
{
    const TemporaryDirectory state;
    const auto first = runner::Ledger::create(state.path(), record_of("1"), ::getgid());
    CHECK_THROWS_AS(runner::Ledger::create(state.path(), record_of("1", "bb"), ::getgid()), ctx::Error);
    runner::sweep_unfinished(state.path());
    CHECK(std::filesystem::exists(first.directory()));
}

TEST_CASE("entries are struck one by one, the latest first")
{
    const TemporaryDirectory state;
    auto ledger = runner::Ledger::create(state.path(), record_of("1"), ::getgid());
    ledger.record("lease", "{}");
    ledger.record("domain", R"({"uuid":"x"})");
    auto entries = ledger.entries();
    REQUIRE(entries.size() == 2);
    CHECK(entries[0].kind == "domain");
    CHECK(entries[0].details == R"({"uuid":"x"})");
    ledger.strike(entries[0]);
    entries = ledger.entries();
    REQUIRE(entries.size() == 1);
    CHECK(entries[0].kind == "lease");
    ledger.remove_directory();
    CHECK(runner::list_jobs(state.path()).empty());
    CHECK_FALSE(runner::Ledger::take(state.path(), "1"));
}

TEST_CASE("the job of an owner that was killed can be taken, by one only")
{
    const TemporaryDirectory state;
    const pid_t child = ::fork();
    if (child == 0) {
        auto ledger = runner::Ledger::create(state.path(), record_of("1"), ::getgid());
        ledger.record("domain", "{}");
        ::raise(SIGKILL);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFSIGNALED(status));

    CHECK(runner::list_jobs(state.path()).at(0).state == runner::JobState::abandoned);
    auto taken = runner::Ledger::take(state.path(), "1");
    REQUIRE(taken);
    CHECK(taken->entries().size() == 1);
    CHECK_FALSE(runner::Ledger::take(state.path(), "1"));
    taken->remove_directory();
    CHECK(runner::list_jobs(state.path()).empty());
}

TEST_CASE("a job that was left is nobody's until somebody takes it, who then means to end it")
{
    const TemporaryDirectory state;
    runner::Ledger::create(state.path(), record_of("1"), ::getgid()).leave();
    CHECK(runner::find_job(state.path(), "1").state == runner::JobState::left);
    CHECK_FALSE(
        runner::Ledger::take(state.path(), "1", [](const runner::JobRecord&) { return true; })); // spared
    CHECK(runner::find_job(state.path(), "1").state == runner::JobState::left);
    const pid_t child = ::fork();
    if (child == 0) {
        const auto taken = runner::Ledger::take(state.path(), "1");
        ::_exit(taken ? 0 : 1); // it dies over it
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
    CHECK(runner::find_job(state.path(), "1").state == runner::JobState::abandoned);
}

TEST_CASE("of two prologues of a job the later one has it")
{
    const pid_t own = ::getpid();
    runner::JobRecord record = record_of("1");
    record.boot = runner::host_boot_id();
    record.prologue = runner::start_ticks(own) + 1;
    CHECK(runner::is_of_a_later_prologue(record, own));
    record.prologue = runner::start_ticks(own);
    CHECK_FALSE(runner::is_of_a_later_prologue(record, own));
    record.prologue = runner::start_ticks(own) + 1;
    record.boot = "another";
    CHECK_FALSE(runner::is_of_a_later_prologue(record, own)); // its ticks are another clock's
}

TEST_CASE("directories that never became a job, or no longer are one, are swept")
{
    const TemporaryDirectory state;
    const auto live = runner::Ledger::create(state.path(), record_of("1"), ::getgid());
    ctx::make_directory(state.path() / "jobs" / ".new-dead", 0711);
    ctx::make_directory(state.path() / "jobs" / ".gone-dead", 0711);
    runner::sweep_unfinished(state.path());
    CHECK_FALSE(std::filesystem::exists(state.path() / "jobs" / ".new-dead"));
    CHECK_FALSE(std::filesystem::exists(state.path() / "jobs" / ".gone-dead"));
    CHECK(std::filesystem::exists(live.directory()));
}
