// A profile's image that is not in the cache yet is pulled, if a remote has its name: by the first job that
// needs it.
#pragma once

#include "interruption.hpp"
#include "phases.hpp"
#include "time_limits.hpp"

namespace runner {

// Nothing where the image is there, or no remote is called like it (then look_first says so). Throws Error;
// what came by then is kept, and the next job goes on with it.
void fetch_missing_image(const Profile& profile, const Settings& settings, const TimeLimits& time,
                         Phases& phases, Interruption& interruption);

} // namespace runner
