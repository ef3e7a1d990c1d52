// remoteshell: the job starter. It runs in the place of the job and has the job run in its guest; nothing of
// the job runs on the host. Called by pbs_mom as $job_starter, by slurmd as the interpreter of batch scripts,
// by srun.
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/error.hpp>

#include "../runner/guest/guest_lost.hpp"
#include "../runner/ledger/steps.hpp"
#include "find_access.hpp"
#include "leader.hpp"
#include "plan_task.hpp"
#include "request.hpp"
#include "worker.hpp"

namespace {

using namespace remoteshell;
using ctx::Error;

constexpr int failure_offset = 120;

void say(const std::string& line)
{
    fmt::print(stderr, "remoteshell: {}\n", line);
}

// Pipes of pbs_mom leak into us; and a descriptor that is closed must not become a file of ours.
void tidy_descriptors()
{
    ::close_range(3, ~0U, 0);
    while (true) {
        const int fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd > 2) ::close(fd);
        if (fd > 2 || fd < 0) return;
        ::fcntl(fd, F_SETFD, 0);
    }
}

Input kind_of_input()
{
    struct stat info{};
    if (::isatty(STDIN_FILENO) == 1) return Input::terminal;
    return ::fstat(STDIN_FILENO, &info) == 0 && S_ISREG(info.st_mode) ? Input::regular_file : Input::other;
}

std::vector<std::string> our_environment()
{
    std::vector<std::string> result;
    for (char** entry = environ; *entry != nullptr; ++entry) result.emplace_back(*entry);
    return result;
}

// Failures of ours are told apart from the job's own exit codes, in one line.
template <class Work>
ctx::ExitStatus reporting(Work work)
try {
    return work();
} catch (const runner::GuestLost& error) {
    say(error.one_line());
    return {runner::guest_lost_exit, 0};
} catch (const Error& error) {
    say(error.one_line());
    return {failure_offset + static_cast<int>(ctx::exit_code(error)), 0};
} catch (const std::exception& error) {
    say(error.what());
    return {failure_offset + static_cast<int>(ctx::ExitCode::node), 0};
}

ctx::ExitStatus run(const std::vector<std::string>& words)
{
    const Call call{words, our_environment(), kind_of_input()};
    const FoundAccess found = find_access(call.environment, runner::install_paths());
    become(found.access.user);
    runner::reached(runner::Step::access_found);
    if (found.access.refused) {
        say(*found.access.refused);
        return {failure_offset + static_cast<int>(ctx::ExitCode::user), 0};
    }
    const Request request = found.access.batch_system == "slurm" ? slurm_request(call) : torque_request(call);
    const PlannedTask plan = plan_task(request, found.access, our_surroundings(call.environment));
    return lead([&](const FromLeader& leader) {
        return reporting([&] { return work(found.access, found.directory, plan, leader); });
    });
}

} // namespace

int main(int count, char** words)
{
    tidy_descriptors();
    end_like(reporting([&] { return run({words + std::min(count, 1), words + count}); }));
}
