#include <map>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <ctx/base/error.hpp>

#include "torque/torque_job.hpp"

namespace {

using Words = std::vector<std::string>;

const Words full = {"69[2].server.example",
                    "alice",
                    "physics",
                    "STDIN",
                    "walltime=01:00:00,nodes=1:ppn=2,neednodes=1:ppn=2,mem=2gb",
                    "long",
                    "",
                    "/var/spool/torque/mom_priv/jobs/69-2.server.example.SC"};

ctx::User alice()
{
    ctx::User user;
    user.name = "alice";
    user.uid = 5001;
    user.group = {"alice", 5001};
    user.groups = {{"physics", 6001}, {"video", 44}};
    user.home = "/home/alice";
    return user;
}

torque::PrologueCall call_with(std::size_t words)
{
    return torque::read_prologue_call(Words(full.begin(), full.begin() + static_cast<std::ptrdiff_t>(words)),
                                      {{"PBS_O_WORKDIR", "/scratch/run 1"}});
}

std::string refusal(std::string_view resources)
{
    try {
        torque::read_request(resources);
    } catch (const ctx::Error& error) {
        CHECK(error.blame() == ctx::Blame::user);
        return error.what();
    }
    return "(taken)";
}

} // namespace

TEST_CASE("a job of Torque is what its prologue is told")
{
    const runner::BatchJob batch =
        torque::batch_job(call_with(8), alice(), "#!/bin/sh\n#VMBATCH profile=x\n");
    CHECK(batch.batch_system == "torque");
    CHECK(batch.queue == "long");
    CHECK(batch.directives == "#!/bin/sh\n#VMBATCH profile=x\n");
    CHECK(batch.job.id == "69[2].server.example");
    CHECK(batch.job.user.name == "alice");
    CHECK(batch.job.workdir == "/home/alice");
    CHECK(batch.job.directories == Words{"/scratch/run 1"});
    CHECK(batch.job.vcpus == 2);
    CHECK(batch.job.memory == 2ULL << 30);
}

TEST_CASE("where mom does not say where the script is, it is looked for beside mom's other jobs")
{
    CHECK(call_with(8).script == full.back());
    CHECK(call_with(7).script == "jobs/69-2.server.example.SC");
    CHECK(torque::script_file("123.host") == "jobs/123.host.SC");
    CHECK(torque::script_file("../../etc/shadow") == "jobs/.._.._etc_shadow.SC");
}

TEST_CASE("a prologue of another PBS is told less")
{
    const torque::PrologueCall call = call_with(3);
    CHECK(call.queue.empty());
    const runner::BatchJob batch = torque::batch_job(call, alice(), "");
    CHECK_FALSE(batch.job.vcpus.has_value());
    CHECK_FALSE(batch.job.memory.has_value());
}

TEST_CASE("a prologue called by hand says what was expected")
{
    CHECK_THROWS_AS(call_with(2), ctx::Error);
    CHECK_THROWS_AS(torque::read_prologue_call({}, {}), ctx::Error);
}

TEST_CASE("the directory a job was submitted from is passed over if it is none")
{
    const torque::PrologueCall nowhere = torque::read_prologue_call(full, {});
    CHECK(torque::batch_job(nowhere, alice(), "").job.directories.empty());
    const torque::PrologueCall relative = torque::read_prologue_call(full, {{"PBS_O_WORKDIR", "here"}});
    CHECK(torque::batch_job(relative, alice(), "").job.directories.empty());
}

TEST_CASE("a job's group is its primary one, and the others stay")
{
    const ctx::User user = torque::batch_job(call_with(8), alice(), "").job.user;
    CHECK(user.group.name == "physics");
    CHECK(user.group.gid == 6001);
    REQUIRE(user.groups.size() == 2);
    CHECK(user.groups.front().name == "alice");

    torque::PrologueCall call = call_with(8);
    call.group = "wheel";
    CHECK_THROWS_WITH(torque::batch_job(call, alice(), ""), Catch::Contains("'wheel'"));
}

TEST_CASE("processors and memory as Torque writes them")
{
    const auto vcpus = [](std::string_view resources) { return torque::read_request(resources).vcpus; };
    CHECK(vcpus("nodes=1:ppn=2") == 2);
    CHECK(vcpus("walltime=00:01:00,nodes=node7:ppn=4:bigmem+2:ppn=8,mem=1gb") == 4);
    CHECK(vcpus("nodes=2:bigmem:ppn=3") == 3);
    CHECK(vcpus("ncpus=6") == 6);
    CHECK(vcpus("ncpus=6,nodes=1:ppn=2") == 2);
    CHECK_FALSE(vcpus("nodes=1,neednodes=1").has_value());
    CHECK_FALSE(vcpus("nodes=1+1:ppn=2").has_value());
    CHECK_FALSE(vcpus("").has_value());

    const auto memory = [](std::string_view resources) { return torque::read_request(resources).memory; };
    CHECK(memory("mem=2gb") == 2ULL << 30);
    CHECK(memory("mem=2GB") == 2ULL << 30);
    CHECK(memory("mem=512mb,pmem=100mb") == 512ULL << 20);
    CHECK(memory("mem=1000") == 1000);
    CHECK(memory("mem=1000b") == 1000);
    CHECK(memory("mem=3kw") == 3ULL * 8192);
    CHECK(memory("mem=1tb") == 1ULL << 40);
    CHECK(memory("pmem=100mb,nodes=1:ppn=4") == 400ULL << 20);
    CHECK(memory("nodes=1:ppn=4,pmem=100mb") == 400ULL << 20);
    CHECK(memory("pmem=100mb") == 100ULL << 20);
    CHECK_FALSE(memory("vmem=2gb").has_value());
}

TEST_CASE("numbers that are none are the user's")
{
    for (const char* const resources :
         {"mem=", "mem=lots", "mem=-1gb", "mem=1xb", "mem=1ggb", "mem=99999999999999999999gb",
          "mem=99999999pb", "ncpus=two", "ncpus=-1", "nodes=1:ppn=", "nodes=1:ppn=2x",
          "pmem=9999999tb,nodes=1:ppn=9999999", "mem=1gbb"})
        CHECK(refusal(resources) != "(taken)");
    CHECK(refusal("mem=lots") == "a resource the job asks for is not a number: mem=lots");
}
