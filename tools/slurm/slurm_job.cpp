#include "slurm_job.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <ctx/base/error.hpp>

namespace slurm {

using ctx::Blame;
using ctx::Error;

ctx::User with_group(ctx::User user, gid_t gid)
{
    if (user.group.gid == gid) return user;
    const auto group = std::ranges::find(user.groups, gid, &ctx::Group::gid);
    if (group == user.groups.end())
        throw Error(Blame::node, "the job's user is not in the job's group on this node")
            .at(fmt::format("{}, gid {}", user.name, gid))
            .mend("let 'id " + user.name + "' say the same on all hosts of the cluster");
    std::swap(user.group, *group);
    return user;
}

ctx::User job_user(const JobRequest& request)
{
    ctx::User user;
    try {
        user = runner::host_user(request.uid);
    } catch (const Error& error) {
        throw Error(Blame::node, "the job's user is not known on this node")
            .at(fmt::format("uid {}", request.uid))
            .because(error.problem())
            .mend(fmt::format("look why 'getent passwd {}' does not show it", request.uid));
    }
    return with_group(std::move(user), request.gid);
}

runner::BatchJob batch_job(const std::string& id, const JobRequest& request, const ctx::User& user)
{
    runner::BatchJob result;
    result.batch_system = "slurm";
    result.queue = request.partition;
    result.job.id = id;
    result.job.user = user;
    result.job.workdir = request.workdir;
    return result;
}

void add_allocation(runner::BatchJob& job, const JobRequest& request, const Allocation& allocation,
                    std::string script)
{
    if (request.nodes != 1)
        throw Error(Blame::user, fmt::format("{} nodes are asked for", request.nodes))
            .because("a job has one guest, on one node")
            .mend("submit with --nodes=1");
    job.job.vcpus = request.cpus;
    job.job.memory = allocation.memory;
    job.directives = std::move(script);
}

} // namespace slurm
