#include "allocation.hpp"

#include <charconv>
#include <system_error>
#include <vector>

#include <ctx/base/text.hpp>

namespace slurm {

namespace {

// "1500M", "2G" and a plain number of megabytes.
std::optional<std::uint64_t> memory_size(std::string_view text)
{
    const bool has_unit = !text.empty() && text.find_first_not_of("0123456789.") != std::string_view::npos;
    return ctx::parse_size(has_unit ? std::string(text) : std::string(text) + "M");
}

// From "cpu=2,mem=300M,node=1,billing=2".
std::optional<std::uint64_t> allocated_memory(std::string_view resources)
{
    constexpr std::string_view key = "mem=";
    for (const std::string& part : ctx::split(resources, ',')) {
        if (part.starts_with(key)) return memory_size(std::string_view(part).substr(key.size()));
    }
    return std::nullopt;
}

} // namespace

std::optional<Allocation> parse_allocation(std::string_view lines, std::string_view job_id)
{
    enum Field : std::size_t { job, state, batch_flag, least_memory, resources, count };
    for (const std::string& line : ctx::split(lines, '\n')) {
        const std::vector<std::string> fields = ctx::split(line, '|');
        if (fields.size() < count || fields[job] != job_id) continue;
        Allocation result{.state = fields[state], .batch = fields[batch_flag] != "0", .memory = {}};
        // 0: no memory was asked for, and Slurm gives none out or all of the node's.
        if (memory_size(fields[least_memory]) != 0) result.memory = allocated_memory(fields[resources]);
        return result;
    }
    return std::nullopt;
}

} // namespace slurm
