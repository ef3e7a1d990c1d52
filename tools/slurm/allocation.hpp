// What a job was given, in squeue's words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slurm {

struct Allocation {
    std::string state; // RUNNING from before the Prolog on; COMPLETING once it is cancelled, requeued, over
    bool batch = false;
    std::optional<std::uint64_t> memory; // bytes; nothing if the job was given no share of it
};

// For `squeue --noconvert --noheader -O`: only what holds no text of the user.
inline constexpr const char* allocation_format = "JobID:|,State:|,BatchFlag:|,MinMemory:|,tres-alloc:|";

// Nothing if the job is not among the lines: asked for an array's last task, squeue prints all of its tasks.
std::optional<Allocation> parse_allocation(std::string_view lines, std::string_view job_id);

} // namespace slurm
