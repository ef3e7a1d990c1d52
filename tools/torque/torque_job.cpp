#include "torque_job.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>
#include <utility>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

namespace torque {

using ctx::Blame;
using ctx::Error;

namespace {

std::string value_of(const std::map<std::string, std::string>& environment, const std::string& name)
{
    const auto found = environment.find(name);
    return found == environment.end() ? "" : found->second;
}

Error not_a_number(std::string_view name, std::string_view value)
{
    return Error(Blame::user, "a resource the job asks for is not a number")
        .at(std::string(name) + "=" + ctx::printable(value, 60))
        .mend("correct -l");
}

unsigned read_count(std::string_view name, std::string_view text)
{
    unsigned count = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (failure != std::errc{} || end != text.data() + text.size()) throw not_a_number(name, text);
    return count;
}

// "2gb", "512mb", "100000kb", "64mw" (words of 8 bytes), "1000" bytes; units are binary.
std::uint64_t read_size(std::string_view name, std::string_view text)
{
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    auto [rest, failure] = std::from_chars(text.data(), end, number);
    if (failure != std::errc{}) throw not_a_number(name, text);
    std::string unit(rest, end);
    std::ranges::transform(unit, unit.begin(), [](unsigned char c) { return std::tolower(c); });
    std::uint64_t factor = 1;
    if (unit.ends_with('w')) factor = 8;
    if (unit.ends_with('b') || unit.ends_with('w')) unit.pop_back();
    constexpr std::string_view scales = "kmgtp";
    const std::size_t scale = unit.empty() ? 0 : scales.find(unit) + 1;
    if (unit.size() > 1 || (scale == 0 && !unit.empty())) throw not_a_number(name, text);
    factor <<= 10 * scale;
    if (number > std::numeric_limits<std::uint64_t>::max() / factor) throw not_a_number(name, text);
    return number * factor;
}

// ppn of "2:ppn=4:bigmem+1:ppn=2": that of the first part, which is the node with the hooks.
std::optional<unsigned> read_ppn(std::string_view nodes)
{
    for (const std::string& property : ctx::split(nodes.substr(0, nodes.find('+')), ':')) {
        constexpr std::string_view key = "ppn=";
        if (property.starts_with(key))
            return read_count("ppn", std::string_view(property).substr(key.size()));
    }
    return std::nullopt;
}

// The user as the host knows it, but with the group the job was submitted for (qsub -W group_list).
ctx::User in_group(ctx::User user, const std::string& name)
{
    if (name.empty() || name == user.group.name) return user;
    const auto found = std::ranges::find(user.groups, name, &ctx::Group::name);
    if (found == user.groups.end())
        throw Error(Blame::user, "the job's group is none of its user's")
            .at("'" + ctx::printable(name, 60) + "'")
            .because("user '" + user.name + "' is not in it on this host")
            .mend("submit with another -W group_list");
    std::swap(user.group, *found);
    return user;
}

} // namespace

PrologueCall read_prologue_call(const std::vector<std::string>& arguments,
                                const std::map<std::string, std::string>& environment)
{
    constexpr std::size_t least = 3;
    if (arguments.size() < least)
        throw Error(Blame::node, "a prologue is called by pbs_mom")
            .because("job id, user, group, job name, resources, queue, account and script were expected")
            .mend("put it into mom_priv by way of templates/torque/prologue");
    const auto argument = [&](std::size_t number) {
        return arguments.size() >= number ? arguments.at(number - 1) : std::string();
    };
    PrologueCall call;
    call.job_id = argument(1);
    call.user = argument(2);
    call.group = argument(3);
    call.resources = argument(5);
    call.queue = argument(6);
    call.script = argument(8).empty() ? script_file(call.job_id) : argument(8);
    call.submitted_from = value_of(environment, "PBS_O_WORKDIR");
    return call;
}

std::string script_file(std::string_view job_id)
{
    std::string name(job_id);
    std::erase(name, ']');
    std::ranges::replace(name, '[', '-');
    std::ranges::replace(name, '/', '_'); // no job id has one; it stays in this folder
    return "jobs/" + name + ".SC";
}

Request read_request(std::string_view resources)
{
    Request request;
    std::optional<unsigned> ppn;
    std::optional<unsigned> ncpus;
    std::optional<std::uint64_t> memory;
    std::optional<std::uint64_t> memory_each;
    for (const std::string& resource : ctx::split(resources, ',')) {
        const std::string name = resource.substr(0, resource.find('='));
        const std::string value = name.size() == resource.size() ? "" : resource.substr(name.size() + 1);
        if (name == "nodes") ppn = read_ppn(value);
        if (name == "ncpus") ncpus = read_count(name, value);
        if (name == "mem") memory = read_size(name, value);
        if (name == "pmem") memory_each = read_size(name, value);
    }
    request.vcpus = ppn ? ppn : ncpus;
    const std::uint64_t processors = std::max(1U, request.vcpus.value_or(1));
    if (memory_each && *memory_each > std::numeric_limits<std::uint64_t>::max() / processors)
        throw not_a_number("pmem", std::to_string(*memory_each));
    if (memory_each) request.memory = *memory_each * processors;
    if (memory) request.memory = memory;
    return request;
}

runner::BatchJob batch_job(const PrologueCall& call, const ctx::User& account, std::string script)
{
    runner::BatchJob batch;
    batch.batch_system = "torque";
    batch.queue = call.queue;
    batch.directives = std::move(script);
    batch.job.id = call.job_id;
    batch.job.user = in_group(account, call.group);
    batch.job.workdir = account.home; // where mom starts jobs, unless qsub -d said otherwise
    if (call.submitted_from.starts_with('/')) batch.job.directories.push_back(call.submitted_from);
    const Request request = read_request(call.resources);
    batch.job.vcpus = request.vcpus;
    batch.job.memory = request.memory;
    return batch;
}

} // namespace torque
