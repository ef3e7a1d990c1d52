#include "hook.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <iostream>

#include <syslog.h>

#include <ctx/base/error.hpp>

namespace slurm {

using namespace std::chrono_literals;
using ctx::Deadline;
using ctx::Error;

namespace {

constexpr auto drain_time = 10s;

int answer_arguments(const char* program, const char* description, bool help)
{
    std::ostream& out = help ? std::cout : std::cerr;
    out << description << "\n\nUsage: " << program
        << "\n\nslurmd calls it without arguments, as slurm.conf says; see howto/slurm.md.\n"
           "Exit codes: 0 the job may go on, or its user will be told why not; 1 the node is drained.\n";
    return static_cast<int>(help ? ctx::ExitCode::done : ctx::ExitCode::usage);
}

int fail(const HookCall& call, const Controller& controller, const Error& error)
{
    say("job " + call.job_id + ": " + error.one_line());
    try {
        controller.drain(call.node, "job " + call.job_id + ": " + error.one_line(), Deadline::in(drain_time));
    } catch (const Error& second) {
        say("the node cannot be drained: " + second.one_line());
    }
    return 1;
}

// slurmd kills what takes longer, the draining included.
Deadline work_deadline(std::chrono::milliseconds timeout)
{
    return Deadline::in(timeout - std::min<std::chrono::milliseconds>(drain_time, timeout / 4));
}

int run(const std::function<int(const Hook&)>& work)
{
    const Environment environment = own_environment();
    const HookCall call = hook_call(environment);
    Controller controller("/usr/bin", call.conf);
    try {
        const runner::InstallPaths paths = runner::install_paths();
        const runner::Settings settings = runner::read_settings(paths.config);
        controller = Controller(settings.slurm.commands, call.conf);
        return work(
            {environment, call, settings, paths, controller, work_deadline(settings.slurm.prolog_timeout)});
    } catch (const Error& error) {
        return fail(call, controller, error);
    }
}

} // namespace

void say(const std::string& line)
{
    std::cerr << "vmbatch: " << line
              << std::endl; // NOLINT(performance-avoid-endl): the end may come by SIGKILL
    ::syslog(LOG_ERR, "%s", line.c_str());
}

int run_hook(const char* program, const char* description, int argc, char** argv,
             const std::function<int(const Hook&)>& work)
{
    if (argc > 1) return answer_arguments(program, description, std::strcmp(argv[1], "--help") == 0);
    ::openlog(program, LOG_PID, LOG_DAEMON);
    try {
        return run(work);
    } catch (const std::exception& error) {
        say(error.what());
        return 1;
    }
}

} // namespace slurm
