#include <string>

#include <catch2/catch.hpp>

#include <ctx/base/error.hpp>

#include "slurm/hook_environment.hpp"

namespace {

// As slurmd 22.05 gave it to a Prolog; the user chose name, comment and directory.
slurm::Environment environment()
{
    return {"PWD=/var/log/slurm",
            "SLURMD_NODENAME=n1",
            "SLURM_CLUSTER_NAME=test",
            "SLURM_CONF=/etc/slurm/slurm.conf",
            "SLURM_JOBID=12",
            "SLURM_JOB_COMMENT=x\nSLURM_JOB_ID=99",
            "SLURM_JOB_CPUS_PER_NODE=2",
            "SLURM_JOB_GID=5001",
            "SLURM_JOB_ID=12",
            "SLURM_JOB_NUM_NODES=1",
            "SLURM_JOB_PARTITION=vm",
            "SLURM_JOB_RESTART_COUNT=0",
            "SLURM_JOB_STDIN=/dev/null",
            "SLURM_JOB_UID=5001",
            "SLURM_JOB_USER=alice",
            "SLURM_JOB_WORK_DIR=/home/alice/a=b c",
            "SLURM_NODELIST=n1",
            "SLURM_SCRIPT_CONTEXT=prolog_slurmd",
            "SLURM_UID=5001"};
}

// The environment with a variable changed; without it for nullptr.
slurm::Environment with(const std::string& name, const char* value)
{
    slurm::Environment result;
    for (const std::string& variable : environment()) {
        if (!variable.starts_with(name + "="))
            result.push_back(variable);
        else if (value != nullptr)
            result.push_back(name + "=" + value);
    }
    return result;
}

std::string refusal(const slurm::Environment& environment)
try {
    slurm::hook_call(environment);
    slurm::job_request(environment);
    return "";
} catch (const ctx::Error& error) {
    CHECK(error.blame() == ctx::Blame::node);
    return error.what();
}

} // namespace

TEST_CASE("what slurmd tells of a job")
{
    const slurm::HookCall call = slurm::hook_call(environment());
    CHECK(call.job_id == "12");
    CHECK(call.node == "n1");
    CHECK(call.conf == "/etc/slurm/slurm.conf");
    const slurm::JobRequest request = slurm::job_request(environment());
    CHECK(request.uid == 5001);
    CHECK(request.gid == 5001);
    CHECK(request.partition == "vm");
    CHECK(request.workdir == "/home/alice/a=b c");
    CHECK(request.nodes == 1);
    CHECK(request.cpus == 2);
}

TEST_CASE("slurm.conf may be in Slurm's own place")
{
    CHECK(slurm::hook_call(with("SLURM_CONF", nullptr)).conf.empty());
}

TEST_CASE("processors of a job on several nodes are those of the first")
{
    CHECK(slurm::job_request(with("SLURM_JOB_CPUS_PER_NODE", "4(x2),2")).cpus == 4);
}

TEST_CASE("an environment that is not slurmd's")
{
    CHECK(refusal({}) == "slurmd did not say what it has to: SLURM_JOB_ID");
    CHECK(refusal(with("SLURM_JOB_ID", "")) == "slurmd did not say what it has to: SLURM_JOB_ID");
    CHECK(refusal(with("SLURM_JOB_ID", "../1")) == "what slurmd says is no number: SLURM_JOB_ID=../1");
    CHECK(refusal(with("SLURM_JOB_ID", "1/..")) == "what slurmd says is no number: SLURM_JOB_ID=1/..");
    CHECK(refusal(with("SLURM_JOB_ID", "-1")) == "what slurmd says is no number: SLURM_JOB_ID=-1");
    CHECK(refusal(with("SLURM_JOB_UID", "alice")) == "what slurmd says is no number: SLURM_JOB_UID=alice");
    CHECK(refusal(with("SLURM_JOB_UID", "4294967296")) ==
          "what slurmd says is no number: SLURM_JOB_UID=4294967296");
    CHECK(refusal(with("SLURMD_NODENAME", nullptr)) == "slurmd did not say what it has to: SLURMD_NODENAME");
    CHECK(refusal(with("SLURM_JOB_CPUS_PER_NODE", "(x2)")) ==
          "what slurmd says is no number: SLURM_JOB_CPUS_PER_NODE=(x2)");
}
