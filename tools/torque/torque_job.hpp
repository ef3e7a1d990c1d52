// What pbs_mom tells a prologue, and the job that is meant. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ctx/context.hpp>

#include "../runner/job/batch_job.hpp"

namespace torque {

struct PrologueCall {
    std::string job_id;
    std::string user;
    std::string group;
    std::string resources; // "walltime=01:00:00,nodes=1:ppn=2,mem=2gb"
    std::string queue;
    std::string script;         // its path; relative to mom_priv where mom did not say it
    std::string submitted_from; // PBS_O_WORKDIR; may be empty
};

// `arguments` are those behind the program's name: id, user, group, job name, resources, queue, account, and
// since Torque 6.0.2 the script's path. What an older or other PBS leaves out is empty. Throws Error (node)
// for less than the first three.
PrologueCall read_prologue_call(const std::vector<std::string>& arguments,
                                const std::map<std::string, std::string>& environment);

// "69[2].host" has its script in jobs/69-2.host.SC.
std::string script_file(std::string_view job_id);

// What a job asked for as far as it matters to its guest; nothing where it did not.
struct Request {
    std::optional<unsigned> vcpus;       // ppn of the first part of nodes=, else ncpus
    std::optional<std::uint64_t> memory; // bytes: mem, else pmem for each processor
};

// Throws Error (user) for a number that is none.
Request read_request(std::string_view resources);

// `account` is the user's as the host knows it; the job's group becomes its primary one. `script` is the
// script's beginning, "" if it is not known. Throws Error (user).
runner::BatchJob batch_job(const PrologueCall& call, const ctx::User& account, std::string script);

} // namespace torque
