#include "job.hpp"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/names.hpp>
#include <ctx/base/text.hpp>

namespace runner {

using ctx::Blame;
using ctx::Error;
using ctx::printable;

namespace {

void check_environment(const std::vector<std::string>& environment)
{
    for (const std::string& variable : environment) {
        const std::size_t equals = variable.find('=');
        if (equals == std::string::npos || equals == 0)
            throw Error(Blame::user, "not an environment variable").at("'" + printable(variable, 60) + "'");
        if (variable.find('\0') != std::string::npos)
            throw Error(Blame::user, "an environment variable holds a NUL byte").at(printable(variable, 60));
    }
}

} // namespace

Resources check_job(const Job& job, const Profile& profile)
{
    if (!ctx::is_job_id(job.id))
        throw Error(Blame::user, "not a job id")
            .at("'" + printable(job.id, 140) + "'")
            .mend("use letters, digits and ._-+@[] only, at most 128");
    if (!ctx::is_user_name(job.user.name))
        throw Error(Blame::user, "not a user name").at("'" + printable(job.user.name, 60) + "'");
    if (job.workdir.empty() || job.workdir.front() != '/' || job.workdir.find('\0') != std::string::npos)
        throw Error(Blame::user, "the working directory is not an absolute path").at(printable(job.workdir));
    check_environment(job.environment);

    Resources result{job.vcpus.value_or(profile.vcpus_default), job.memory.value_or(profile.memory_default)};
    if (result.vcpus < 1 || result.vcpus > profile.vcpus_max)
        throw Error(Blame::user, fmt::format("{} vCPUs are asked for", result.vcpus))
            .because(fmt::format("profile '{}' gives 1 to {}", profile.name, profile.vcpus_max))
            .mend("ask for fewer, or use another profile");
    constexpr std::uint64_t least = 64ULL << 20;
    if (result.memory < least || result.memory > profile.memory_max)
        throw Error(Blame::user, fmt::format("{} of memory are asked for", ctx::format_size(result.memory)))
            .because(fmt::format("profile '{}' gives 64M to {}", profile.name,
                                 ctx::format_size(profile.memory_max)))
            .mend("ask for less, or use another profile");
    return result;
}

} // namespace runner
