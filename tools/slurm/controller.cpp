#include "controller.hpp"

#include <utility>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

namespace slurm {

using ctx::Blame;
using ctx::Deadline;
using ctx::Error;

Controller::Controller(std::filesystem::path commands, std::string conf)
    : commands_(std::move(commands)), conf_(std::move(conf))
{
}

std::string Controller::call(const std::string& command, const std::vector<std::string>& arguments,
                             const Deadline& deadline) const
{
    ctx::ProcessSpec spec;
    const std::string program = commands_ / command;
    spec.argv = {program};
    spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
    spec.environment = {"LANG=C.UTF-8"};
    if (!conf_.empty()) spec.environment.push_back("SLURM_CONF=" + conf_);
    if (!std::filesystem::exists(program))
        throw Error(Blame::node, "a command of Slurm's is missing")
            .at(program)
            .mend("install slurm-client, or correct slurm.commands");
    const ctx::ProcessResult result = ctx::run(spec, deadline);
    if (!result.status.success())
        throw Error(Blame::remote, "slurmctld does not do what it is asked")
            .at(command + " " + ctx::printable(ctx::join(arguments, " ")))
            .because(ctx::printable(result.error_output))
            .mend("call 'scontrol ping' on this node; slurmctld's log says more");
    return result.output;
}

Allocation Controller::allocation(const std::string& job_id, const Deadline& deadline) const
{
    const std::string lines =
        call("squeue", {"--noheader", "--noconvert", "--jobs", job_id, "-O", allocation_format}, deadline);
    if (auto found = parse_allocation(lines, job_id)) return *found;
    throw Error(Blame::remote, "slurmctld does not know the job")
        .at(job_id)
        .because("squeue says: " + ctx::printable(lines))
        .mend("slurmctld's log says more");
}

std::string Controller::script(const std::string& job_id, const Deadline& deadline) const
{
    // Its exit code is 0 for a job without a script, too.
    return call("scontrol", {"write", "batch_script", job_id, "-"}, deadline);
}

void Controller::drain(const std::string& node, const std::string& reason, const Deadline& deadline) const
{
    constexpr std::size_t most = 400;
    call("scontrol",
         {"update", "NodeName=" + node, "State=DRAIN", "Reason=vmbatch: " + ctx::printable(reason, most)},
         deadline);
}

void Controller::requeue(const std::string& job_id, const Deadline& deadline) const
{
    call("scontrol", {"requeue", job_id}, deadline);
}

} // namespace slurm
