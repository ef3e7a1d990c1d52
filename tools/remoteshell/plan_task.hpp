// The task a request comes to.
#pragma once

#include <optional>
#include <string>

#include "../runner/guest/access.hpp"
#include "../runner/task/task.hpp"
#include "request.hpp"

namespace remoteshell {

// What of our own process the task gets: it is to run as if it were started in our place.
struct Surroundings {
    std::vector<std::string> environment;
    std::string workdir;
    mode_t umask = 022;
    std::vector<runner::ResourceLimit> limits;
};
Surroundings our_surroundings(const std::vector<std::string>& environment);

struct PlannedTask {
    runner::Task task;
    std::optional<std::string> input; // what it reads; nothing: our own standard input
};

// Reads the script, as the user we are. Throws Error (user) for one that cannot be read.
PlannedTask plan_task(const Request& request, const runner::GuestAccess& access,
                      const Surroundings& surroundings);

} // namespace remoteshell
