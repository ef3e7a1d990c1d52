#include "job.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/names.hpp>
#include <ctx/base/text.hpp>

namespace runner {

using ctx::Blame;
using ctx::Error;
using ctx::printable;

namespace {

// The guest makes it or enters it by this name.
void check_directory(const std::string& path)
{
    constexpr auto remedy = "name another with --workdir";
    if (!path.starts_with('/'))
        throw Error(Blame::user, "the working directory is not an absolute path")
            .at(printable(path))
            .mend(remedy);
    const bool has_control =
        std::ranges::any_of(path, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    if (has_control || std::filesystem::path(path).lexically_normal() != path)
        throw Error(Blame::user, "the working directory cannot be used")
            .at(printable(path))
            .because("control characters, '.', '..' and '//' cannot be in it")
            .mend(remedy);
}

} // namespace

Resources check_job(const Job& job, const Profile& profile)
{
    if (!ctx::is_job_id(job.id))
        throw Error(Blame::user, "not a job id")
            .at("'" + printable(job.id, 140) + "'")
            .mend("use letters, digits and ._-+@[] only, at most 128");
    if (!ctx::is_user_name(job.user.name))
        throw Error(Blame::user, "not a user name")
            .at("'" + printable(job.user.name, 60) + "'")
            .mend("use lower-case letters, digits, '_' and '-', at most 32");
    check_directory(job.workdir);
    for (const std::string& directory : job.directories) check_directory(directory);

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
