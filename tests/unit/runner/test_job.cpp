#include <string>

#include <unistd.h>

#include <catch2/catch.hpp>

#include <ctx/base/error.hpp>

#include "runner/job/job.hpp"
#include "runner/lifecycle/identity.hpp"

namespace {

runner::Job sample()
{
    runner::Job job;
    job.id = "1";
    job.user.name = "alice";
    job.workdir = "/work";
    return job;
}

runner::Profile profile()
{
    runner::Profile result;
    result.name = "p";
    result.vcpus_default = 1;
    result.vcpus_max = 2;
    result.memory_default = 1ULL << 30;
    result.memory_max = 2ULL << 30;
    return result;
}

std::string refusal(const runner::Job& job)
{
    try {
        runner::check_job(job, profile());
    } catch (const ctx::Error& error) {
        CHECK(error.blame() == ctx::Blame::user);
        return error.what();
    }
    return "(taken)";
}

} // namespace

TEST_CASE("a job gets what it asks for, or the profile's default")
{
    runner::Job job = sample();
    CHECK(runner::check_job(job, profile()).vcpus == 1);
    job.vcpus = 2;
    job.memory = 512ULL << 20;
    CHECK(runner::check_job(job, profile()).vcpus == 2);
    CHECK(runner::check_job(job, profile()).memory == 512ULL << 20);
}

TEST_CASE("a job that asks for more than the profile gives is refused with both figures")
{
    runner::Job job = sample();
    job.vcpus = 3;
    CHECK(refusal(job) == "3 vCPUs are asked for: profile 'p' gives 1 to 2");
    job.vcpus = 1;
    job.memory = 4ULL << 30;
    CHECK(refusal(job) == "4G of memory are asked for: profile 'p' gives 64M to 2G");
}

TEST_CASE("hostile ids and names are refused and shown harmless")
{
    runner::Job job = sample();
    job.id = "../x\n$(id)";
    CHECK(refusal(job) == "not a job id: '../x\\x0a$(id)'");
    job = sample();
    job.user.name = "a;b";
    CHECK(refusal(job) == "not a user name: 'a;b'");
    job = sample();
    job.workdir = "relative";
    CHECK(refusal(job) == "the working directory is not an absolute path: relative");
    job = sample();
    job.directories = {"/a/../etc"};
    CHECK(refusal(job).starts_with("the working directory cannot be used: /a/../etc"));
}

TEST_CASE("the host's accounts come with all their groups")
{
    const auto root = runner::host_user(uid_t{0});
    CHECK(root.name == "root");
    CHECK(root.group.name == "root");
    CHECK(root.home == "/root");
    CHECK_THROWS_AS(runner::host_user(std::string("no-such-account")), ctx::Error);
    CHECK_THROWS_AS(runner::host_user(std::string("a/b\n")), ctx::Error);
}

TEST_CASE("a guest's identity follows from id and nonce")
{
    const auto one = runner::derive_identity("69[2].Server", "aa");
    CHECK(one.uuid == runner::derive_identity("69[2].Server", "aa").uuid);
    CHECK(one.uuid != runner::derive_identity("69[2].Server", "bb").uuid);
    CHECK(one.hostname == "vm-69-2-server");
    CHECK(one.uuid.size() == 36);
    CHECK(one.mac.starts_with("52:54:00:"));
    CHECK(runner::derive_identity(std::string(128, 'a'), "x").hostname.size() == 63);
    CHECK(runner::derive_identity("]", "x").hostname == "vm");
}
