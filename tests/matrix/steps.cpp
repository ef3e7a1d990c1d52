// What the programs of these tests do at each step, as the environment says:
//
//   STEP_TRACE  a file that gets each step's name
//   STEP_KILL   the step at which SIGKILL ends the program with all of its process group
//   STEP_STOP   the step at which it stops, as after SIGSTOP, until somebody sends SIGCONT
#include "steps.hpp"

#include <csignal>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace {

bool is_meant(const char* variable, std::string_view name)
{
    const char* value = std::getenv(variable);
    return value != nullptr && name == value;
}

void trace(std::string_view name)
{
    const char* file = std::getenv("STEP_TRACE");
    if (file == nullptr) return;
    const int fd = ::open(file, O_WRONLY | O_APPEND | O_CLOEXEC);
    const std::string line = std::string(name) + "\n";
    if (fd < 0 || ::write(fd, line.data(), line.size()) < 0) std::abort();
    ::close(fd);
}

} // namespace

namespace runner {

void reached(Step step) noexcept
{
    const std::string_view name = matrix::rows.at(static_cast<std::size_t>(step)).name;
    trace(name);
    if (is_meant("STEP_KILL", name)) ::kill(0, SIGKILL);
    if (is_meant("STEP_STOP", name)) (void)::raise(SIGSTOP);
}

} // namespace runner
