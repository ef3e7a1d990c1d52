#include "find_access.hpp"

#include <cerrno>
#include <optional>

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctx/base/error.hpp>
#include <ctx/base/names.hpp>
#include <ctx/base/text.hpp>

#include "request.hpp"

namespace remoteshell {

namespace fs = std::filesystem;
using ctx::Blame;
using ctx::Error;

namespace {

// Root's own, so that whoever calls us cannot send us elsewhere.
fs::path state_directory(const fs::path& run)
{
    const fs::path link = run / "state";
    struct stat folder{};
    struct stat entry{};
    const bool there = ::stat(run.c_str(), &folder) == 0 && ::lstat(link.c_str(), &entry) == 0;
    if (!there)
        throw Error(Blame::node, "there is no guest for any job on this host")
            .at(link.string())
            .because("no prologue has run since it was started")
            .mend("see that the batch system calls VmBatch's prologue");
    if (folder.st_uid != 0 || (folder.st_mode & (S_IWGRP | S_IWOTH)) != 0 || entry.st_uid != 0)
        throw Error(Blame::node, "others than root can write where jobs are found")
            .at(link.string())
            .mend("give it to root");
    return fs::read_symlink(link);
}

std::optional<FoundAccess> look(const fs::path& state, const std::string& id, const char* batch_system)
{
    if (!ctx::is_job_id(id)) throw Error(Blame::user, "not a job id").at("'" + ctx::printable(id, 140) + "'");
    const fs::path directory = state / "jobs" / id / "user";
    auto access = runner::read_access(directory);
    if (!access || access->job_id != id || access->batch_system != batch_system) return std::nullopt;
    return FoundAccess{std::move(*access), directory};
}

} // namespace

FoundAccess find_access(const std::vector<std::string>& environment, const runner::InstallPaths& paths)
{
    struct Candidate {
        const char* variable;
        const char* batch_system;
    };
    std::string asked;
    for (const Candidate& candidate :
         {Candidate{"SLURM_JOB_ID", "slurm"}, Candidate{"PBS_JOBID", "torque"}}) {
        const auto id = variable(environment, candidate.variable);
        if (!id) continue;
        if (auto found = look(state_directory(paths.run), *id, candidate.batch_system)) return *found;
        asked = *id;
    }
    if (asked.empty())
        throw Error(Blame::user, "no batch system has called")
            .because("there is neither SLURM_JOB_ID nor PBS_JOBID")
            .mend("this is a job starter: batch systems run it");
    throw Error(Blame::node, "there is no guest for this job")
        .at(ctx::printable(asked, 140))
        .because("its prologue has made none, or its epilogue has removed it")
        .mend("submit it again; its queue must be one that gets guests");
}

void become(const ctx::User& user)
{
    if (::geteuid() != 0) {
        if (::geteuid() == user.uid) return;
        throw Error(Blame::user, "the job is another user's").at("'" + user.name + "'");
    }
    std::vector<gid_t> groups;
    for (const ctx::Group& group : user.groups) groups.push_back(group.gid);
    if (::setgroups(groups.size(), groups.data()) < 0 ||
        ::setresgid(user.group.gid, user.group.gid, user.group.gid) < 0 ||
        ::setresuid(user.uid, user.uid, user.uid) < 0)
        throw ctx::system_error("cannot become the job's user", "'" + user.name + "'", errno);
}

} // namespace remoteshell
