#include "hook_environment.hpp"

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

#include <unistd.h>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

namespace slurm {

using ctx::Blame;
using ctx::Error;

namespace {

constexpr auto remedy = "let slurmd call this program, as slurm.conf's Prolog or Epilog";

std::optional<std::string> value_of(const Environment& environment, std::string_view name)
{
    for (const std::string& variable : environment) {
        if (variable.size() > name.size() && variable.starts_with(name) && variable[name.size()] == '=')
            return variable.substr(name.size() + 1);
    }
    return std::nullopt;
}

std::string text(const Environment& environment, std::string_view name)
{
    auto value = value_of(environment, name);
    if (!value || value->empty())
        throw Error(Blame::node, "slurmd did not say what it has to").at(std::string(name)).mend(remedy);
    return *value;
}

// The number that a text begins with, and what follows it.
template <class Number>
std::pair<Number, std::string_view> leading_number(std::string_view name, const std::string& value)
{
    Number number{};
    const char* const end = value.data() + value.size();
    const auto [rest, error] = std::from_chars(value.data(), end, number);
    if (error != std::errc{})
        throw Error(Blame::node, "what slurmd says is no number")
            .at(std::string(name) + "=" + ctx::printable(value, 60))
            .mend(remedy);
    return {number, std::string_view(rest, static_cast<std::size_t>(end - rest))};
}

template <class Number>
Number number(const Environment& environment, std::string_view name)
{
    const std::string value = text(environment, name);
    const auto [result, rest] = leading_number<Number>(name, value);
    if (!rest.empty())
        throw Error(Blame::node, "what slurmd says is no number")
            .at(std::string(name) + "=" + ctx::printable(value, 60))
            .mend(remedy);
    return result;
}

} // namespace

Environment own_environment()
{
    Environment result;
    for (char** variable = ::environ; *variable != nullptr; ++variable) result.emplace_back(*variable);
    return result;
}

HookCall hook_call(const Environment& environment)
{
    return {.job_id = std::to_string(number<std::uint32_t>(environment, "SLURM_JOB_ID")),
            .node = text(environment, "SLURMD_NODENAME"),
            .conf = value_of(environment, "SLURM_CONF").value_or("")};
}

JobRequest job_request(const Environment& environment)
{
    // "4", or for several nodes "4(x2),2".
    constexpr auto cpus = "SLURM_JOB_CPUS_PER_NODE";
    return {.uid = number<uid_t>(environment, "SLURM_JOB_UID"),
            .gid = number<gid_t>(environment, "SLURM_JOB_GID"),
            .partition = text(environment, "SLURM_JOB_PARTITION"),
            .workdir = text(environment, "SLURM_JOB_WORK_DIR"),
            .nodes = number<unsigned>(environment, "SLURM_JOB_NUM_NODES"),
            .cpus = leading_number<unsigned>(cpus, text(environment, cpus)).first};
}

} // namespace slurm
