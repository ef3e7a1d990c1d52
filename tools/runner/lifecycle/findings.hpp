// What has to be there before anything is made for a job: found, not made.
#pragma once

#include <image-cache/store.hpp>

#include "../hypervisor/hypervisor.hpp"
#include "../job/job.hpp"
#include "../settings/settings.hpp"
#include "time_limits.hpp"

namespace runner {

struct Account {
    uid_t uid = 0;
    gid_t gid = 0;
};

struct Findings {
    Resources resources;
    Account qemu;
    image_cache::Image image;
};

// Throws Error: user for a job that asks for what it cannot have, node for what is missing on this host.
Findings look_first(const Job& job, const Profile& profile, const Settings& settings, Hypervisor& hypervisor,
                    const TimeLimits& time);

} // namespace runner
