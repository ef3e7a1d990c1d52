// slurmctld, through Slurm's own commands: their protocol changes with every release, their words hardly.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <ctx/base/deadline.hpp>
#include <ctx/base/process.hpp>

#include "allocation.hpp"

namespace slurm {

class Controller {
public:
    // conf: as slurmd has it, for SLURM_CONF.
    Controller(std::filesystem::path commands, std::string conf);

    // Throws Error (remote) if slurmctld does not answer, node if the commands are not there.
    Allocation allocation(const std::string& job_id, const ctx::Deadline& deadline) const;
    // A job's batch script, of which the first megabyte; empty if it has none.
    std::string script(const std::string& job_id, const ctx::Deadline& deadline) const;

    // Takes the node out of service until an administrator has looked.
    void drain(const std::string& node, const std::string& reason, const ctx::Deadline& deadline) const;
    void requeue(const std::string& job_id, const ctx::Deadline& deadline) const;

private:
    std::string call(const std::string& command, const std::vector<std::string>& arguments,
                     const ctx::Deadline& deadline) const;

    std::filesystem::path commands_;
    std::string conf_;
};

} // namespace slurm
