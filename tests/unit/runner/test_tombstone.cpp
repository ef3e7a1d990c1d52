#include <chrono>
#include <filesystem>
#include <thread>

#include <unistd.h>

#include <catch2/catch.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>

#include "../temporary_directory.hpp"
#include "runner/ledger/owner.hpp"
#include "runner/ledger/tombstone.hpp"

namespace fs = std::filesystem;

TEST_CASE("a process finds out that a job was ended after it was started")
{
    const TemporaryDirectory state;
    CHECK_FALSE(runner::ended_meanwhile(state.path(), "69[2].server", ::getpid()));
    runner::leave_tombstone(state.path(), "69[2].server");
    CHECK(runner::ended_meanwhile(state.path(), "69[2].server", ::getpid()));
    CHECK_FALSE(runner::ended_meanwhile(state.path(), "69[3].server", ::getpid()));
    CHECK_THROWS_AS(runner::leave_tombstone(state.path(), "../x"), ctx::Error);
}

TEST_CASE("a host's first epilogue finds no state directory")
{
    const TemporaryDirectory directory;
    runner::leave_tombstone(directory / "state", "1");
    CHECK(runner::ended_meanwhile(directory / "state", "1", ::getpid()));
}

TEST_CASE("a tombstone of before, or of an earlier boot, says nothing")
{
    const TemporaryDirectory state;
    runner::leave_tombstone(state.path(), "1");
    const fs::path file = state / "ended/1";
    const std::string text = ctx::read_file(file, 100);
    ctx::write_file(file, "1" + text.substr(text.find(' ')), 0600);
    CHECK_FALSE(runner::ended_meanwhile(state.path(), "1", ::getpid()));
    ctx::write_file(file, text.substr(0, text.find(' ')) + " another boot", 0600);
    CHECK_FALSE(runner::ended_meanwhile(state.path(), "1", ::getpid()));
}

TEST_CASE("tombstones go when they are older than any hook, or of an earlier boot")
{
    const TemporaryDirectory state;
    runner::leave_tombstone(state.path(), "1");
    runner::leave_tombstone(state.path(), "2");
    const fs::path file = state / "ended/1";
    const std::string text = ctx::read_file(file, 100);
    const std::string boot = text.substr(text.find(' '));
    // What the wall's clock says of it does not matter.
    fs::last_write_time(state / "ended/2", fs::file_time_type::clock::now() - std::chrono::hours(1000));
    ctx::write_file(file, std::to_string(std::stoll(text) - 10 * runner::ticks_per_second()) + boot, 0600);
    runner::sweep_tombstones(state.path(), std::chrono::minutes(5));
    CHECK(fs::exists(file));
    runner::sweep_tombstones(state.path(), std::chrono::seconds(9));
    CHECK_FALSE(fs::exists(file));
    CHECK(fs::exists(state / "ended/2"));
    ctx::write_file(file, std::to_string(std::stoll(text)) + " another boot", 0600);
    runner::sweep_tombstones(state.path(), std::chrono::hours(5));
    CHECK_FALSE(fs::exists(file));
    CHECK(fs::exists(state / "ended/2"));
}
