#include "job_variables.hpp"

namespace runner {

ctx::Variables job_variables(const Job& job, const GuestIdentity& identity, const Profile& profile)
{
    ctx::Variables variables = {{"job.id", job.id},
                                {"job.user", job.user.name},
                                {"job.uid", std::to_string(job.user.uid)},
                                {"job.hostname", identity.hostname},
                                {"job.mac", identity.mac},
                                {"profile", profile.name}};
    for (const auto& [name, value] : job.values) variables.insert_or_assign(name, value);
    return variables;
}

ctx::Variables sample_variables(const std::string& profile)
{
    return {{"job.id", "1"},
            {"job.user", "user"},
            {"job.uid", "1000"},
            {"job.hostname", "vm-1"},
            {"job.mac", "52:54:00:00:00:01"},
            {"profile", profile}};
}

} // namespace runner
