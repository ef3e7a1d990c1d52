#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>

#include "../temporary_directory.hpp"
#include "runner/guest/ready.hpp"

using namespace std::chrono_literals;

namespace {

const std::string nonce = "00112233445566778899aabbccddeeff";
const std::string good =
    "nonce=" + nonce +
    "\nboot_id=7a4b1c0e-5a0a-4b47-9b5e-0123456789ab\naddress=10.79.0.51\nhostname=vm-1\nstage=ready\n";

struct Wait {
    TemporaryDirectory directory;
    runner::SignalInterruption interruption;

    std::string outcome(std::chrono::milliseconds time = 300ms, bool runs = true)
    {
        try {
            const auto report = runner::wait_ready({.share_directory = directory.path(),
                                                    .channel = {},
                                                    .nonce = nonce,
                                                    .console = directory / "console",
                                                    .guest_runs = [runs] { return runs; }},
                                                   ctx::Deadline::in(time), interruption);
            return "ready at " + report.address;
        } catch (const ctx::Error& error) {
            return error.what();
        }
    }
    void report(const std::string& text) { ctx::write_file(directory / "ready", text, 0644); }
};

std::string stage(const std::string& name, const std::string& all)
{
    return "nonce=" + nonce + "\naddress=\nstages=" + all + "\nstage=" + name + "\n\n";
}

const std::string too_late = "the guest did not become ready in time: its console is empty";

} // namespace

TEST_CASE("a guest that reports its nonce is ready")
{
    Wait wait;
    wait.report(good);
    CHECK(wait.outcome() == "ready at 10.79.0.51");
}

TEST_CASE("a report with another nonce is not this guest's")
{
    Wait wait;
    wait.report("nonce=ffff\n" + good.substr(good.find('\n') + 1));
    CHECK(wait.outcome() == too_late);
}

TEST_CASE("no link, FIFO, directory or huge file is taken for a report")
{
    Wait wait;
    SECTION("link")
    {
        ctx::write_file(wait.directory / "elsewhere", good, 0644);
        std::filesystem::create_symlink(wait.directory / "elsewhere", wait.directory / "ready");
    }
    SECTION("FIFO")
    {
        REQUIRE(::mkfifo((wait.directory / "ready").c_str(), 0644) == 0);
    }
    SECTION("directory")
    {
        ctx::make_directory(wait.directory / "ready", 0755);
    }
    SECTION("huge file")
    {
        wait.report(good);
        std::filesystem::resize_file(wait.directory / "ready", 1U << 30);
    }
    CHECK(wait.outcome() == too_late);
}

TEST_CASE("a failure is reported with the guest's reason, made harmless")
{
    Wait wait;
    wait.report("nonce=" + nonce + "\nstage=failed\nreason=uid 5001 is \x1b[31mtaken\n");
    CHECK(wait.outcome() == "the guest could not be contextualized: uid 5001 is \\x1b[31mtaken");
}

TEST_CASE("a guest that ended is noticed before the deadline")
{
    Wait wait;
    ctx::write_file(wait.directory / "console", "one\r\ntwo\r\nthree\r\nKernel panic\r\n", 0600);
    const auto start = ctx::Deadline::Clock::now();
    CHECK(wait.outcome(60s, false) ==
          "the guest ended before it was ready: its console ends with: two | three | Kernel panic");
    CHECK(ctx::Deadline::Clock::now() - start < 20s);
}

TEST_CASE("a guest that gives up says why on its console, long before the deadline")
{
    Wait wait;
    ctx::write_file(wait.directory / "console",
                    "booting\r\nvmbatch: failed: \x1b[31mthe share cannot be mounted\r\nlogin:", 0600);
    const auto start = ctx::Deadline::Clock::now();
    CHECK(wait.outcome(60s) == "the guest could not be contextualized: \\x1b[31mthe share cannot be mounted");
    CHECK(ctx::Deadline::Clock::now() - start < 20s);
}

TEST_CASE("hostile values make a report unusable")
{
    CHECK(runner::parse_report(good));
    for (const char* bad : {"address=10.0.0.1;rm -rf /", "address=-oProxyCommand=x", "address=", "boot_id=x",
                            "hostname=a b", "hostname=$(x)", "stage=perhaps"})
        CHECK_FALSE(runner::parse_report(good + bad + "\n"));
}

TEST_CASE("what the guest had begun is shown when its time runs out")
{
    Wait wait;
    wait.report(stage("accounts", "share,accounts"));
    CHECK(wait.outcome() ==
          "the guest did not become ready in time: its set-up came as far as: share, accounts; "
          "its console is empty");
}

TEST_CASE("stages are only those that we know, each once")
{
    const auto report =
        runner::parse_report(stage("accounts", "share,\x1b[2J,share,../..,accounts,,perhaps"));
    REQUIRE(report);
    CHECK(report->stages == std::vector<std::string>{"share", "accounts"});
}
