#include <cstdint>
#include <optional>
#include <string>

#include <catch2/catch.hpp>

#include <ctx/base/error.hpp>

#include "slurm/allocation.hpp"
#include "slurm/slurm_job.hpp"

namespace {

constexpr std::uint64_t megabyte = 1 << 20;

std::optional<std::uint64_t> memory(const std::string& least, const std::string& resources)
{
    const auto found = slurm::parse_allocation("1|RUNNING|1|" + least + "|" + resources + "|\n", "1");
    REQUIRE(found);
    return found->memory;
}

ctx::User alice()
{
    ctx::User user;
    user.name = "alice";
    user.uid = 5001;
    user.group = {"alice", 5001};
    user.groups = {{"physics", 6001}, {"staff", 50}};
    return user;
}

} // namespace

TEST_CASE("what squeue says of a job")
{
    const auto found = slurm::parse_allocation("7|RUNNING|1|1500M|cpu=2,mem=1500M,node=1,billing=2|\n", "7");
    REQUIRE(found);
    CHECK(found->state == "RUNNING");
    CHECK(found->batch);
    CHECK(found->memory == 1500 * megabyte);
}

TEST_CASE("of an array's tasks the one that is asked for")
{
    const std::string lines = "6|RUNNING|1|1G|cpu=1,mem=1G,node=1|\n1|COMPLETING|2|2G|cpu=1,mem=2G,node=1|\n";
    const auto found = slurm::parse_allocation(lines, "1");
    REQUIRE(found);
    CHECK(found->state == "COMPLETING");
    CHECK(found->memory == 2048 * megabyte);
    CHECK_FALSE(slurm::parse_allocation(lines, "10"));
    CHECK_FALSE(slurm::parse_allocation("", "1"));
    CHECK_FALSE(slurm::parse_allocation("1|RUNNING|1\n", "1"));
}

TEST_CASE("a job without a script, and one that was queued again")
{
    CHECK_FALSE(slurm::parse_allocation("1|RUNNING|0|1G|mem=1G|\n", "1")->batch);
    CHECK(slurm::parse_allocation("1|RUNNING|2|1G|mem=1G|\n", "1")->batch);
}

TEST_CASE("memory in Slurm's units, or none")
{
    CHECK(memory("300M", "cpu=2,mem=600M,node=1") == 600 * megabyte);
    CHECK(memory("300", "mem=300") == 300 * megabyte);
    CHECK(memory("1G", "cpu=1,mem=1G") == 1024 * megabyte);
    CHECK_FALSE(memory("300M", "cpu=1,node=1"));
    // Slurm does not give memory out here, or all of it.
    CHECK_FALSE(memory("0", "cpu=1,mem=2000M,node=1"));
}

TEST_CASE("the job's group is the user's first one in the guest")
{
    CHECK(slurm::with_group(alice(), 5001).group.name == "alice");
    const ctx::User swapped = slurm::with_group(alice(), 6001);
    CHECK(swapped.group.name == "physics");
    CHECK(swapped.groups.at(0).name == "alice");
    CHECK(swapped.groups.size() == 2);
    try {
        slurm::with_group(alice(), 7);
        FAIL("not refused");
    } catch (const ctx::Error& error) {
        CHECK(error.blame() == ctx::Blame::node);
        CHECK(std::string(error.what()) ==
              "the job's user is not in the job's group on this node: alice, gid 7");
    }
}

TEST_CASE("an account that the node does not know is no fault of the user's")
{
    try {
        slurm::job_user({.uid = 4242424242, .gid = 1, .partition = {}, .workdir = {}});
        FAIL("not refused");
    } catch (const ctx::Error& error) {
        CHECK(error.blame() == ctx::Blame::node);
        CHECK(std::string(error.what()).find("uid 4242424242") != std::string::npos);
    }
}

TEST_CASE("Slurm's facts as a batch job")
{
    const slurm::JobRequest request{
        .uid = 5001, .gid = 5001, .partition = "vm", .workdir = "/home/alice", .nodes = 1, .cpus = 3};
    runner::BatchJob job = slurm::batch_job("12", request, alice());
    CHECK(job.batch_system == "slurm");
    CHECK(job.queue == "vm");
    CHECK(job.job.id == "12");
    CHECK(job.job.user.name == "alice");
    CHECK(job.job.workdir == "/home/alice");
    slurm::add_allocation(job, request, {.state = "RUNNING", .batch = true, .memory = 300 * megabyte},
                          "#!/bin/sh\n");
    CHECK(job.job.vcpus == 3U);
    CHECK(job.job.memory == 300 * megabyte);
    CHECK(job.directives == "#!/bin/sh\n");
}

TEST_CASE("a job of two nodes is refused, and that is its user's affair")
{
    const slurm::JobRequest request{.partition = "vm", .workdir = "/", .nodes = 2, .cpus = 1};
    runner::BatchJob job = slurm::batch_job("12", request, alice());
    try {
        slurm::add_allocation(job, request, {}, "");
        FAIL("not refused");
    } catch (const ctx::Error& error) {
        CHECK(error.blame() == ctx::Blame::user);
        CHECK(std::string(error.what()) == "2 nodes are asked for: a job has one guest, on one node");
    }
}
