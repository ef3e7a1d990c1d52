#include "plan_task.hpp"

#include <array>
#include <filesystem>
#include <utility>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>
#include <ctx/base/random.hpp>
#include <ctx/base/text.hpp>

#include "../runner/task/environment.hpp"

namespace remoteshell {

using ctx::Blame;
using ctx::Error;

namespace {

constexpr std::size_t script_limit = 64 << 20;

std::string read_script(const std::string& file)
try {
    return ctx::read_file(file, script_limit, Blame::user);
} catch (const Error& error) {
    throw Error(Blame::user, "the job's script cannot be read")
        .at(ctx::printable(file))
        .because(error.reason().empty() ? error.problem() : error.reason());
}

// One line, from a pipe that has its other end closed then.
std::string read_script_line()
{
    constexpr std::size_t limit = 1 << 20;
    std::string line;
    std::array<char, 4096> block{};
    for (;;) {
        const ssize_t count = ::read(STDIN_FILENO, block.data(), block.size());
        if (count <= 0) break;
        line.append(block.data(), static_cast<std::size_t>(count));
        if (line.size() > limit) break;
    }
    const std::size_t end = line.find('\n');
    if (line.empty() || line.front() != '/' || (end != std::string::npos && end + 1 != line.size()))
        throw Error(Blame::node, "the job starter was called in a way it does not know")
            .because("standard input is a pipe, but not one line with the path of a script")
            .mend("see howto/torque.md for the ways it is called in");
    return line;
}

// The line without the one that brought us here.
std::string without_our_line(const std::string& script)
{
    if (!script.starts_with("#!")) return script;
    const std::size_t end = script.find('\n');
    const std::string first = script.substr(0, end);
    if (first.find("remoteshell") == std::string::npos) return script;
    return end == std::string::npos ? "" : script.substr(end + 1);
}

std::string file_name(const std::string& path)
{
    return path.substr(path.rfind('/') + 1);
}

void run_as_script(runner::Task& task, std::string script, const std::vector<std::string>& arguments)
{
    const std::string place = runner::script_place(task.name);
    task.arguments = {place};
    // Without an interpreter line it is the shell's, as it is everywhere.
    if (!script.starts_with("#!")) task.arguments.insert(task.arguments.begin(), "/bin/sh");
    task.script = std::move(script);
    task.program = task.arguments.front();
    task.arguments.insert(task.arguments.end(), arguments.begin(), arguments.end());
}

void run_by_shell(runner::Task& task, const std::string& shell)
{
    task.program = shell;
    task.arguments = {shell};
}

} // namespace

Surroundings our_surroundings(const std::vector<std::string>& environment)
{
    Surroundings result;
    result.environment = environment;
    std::error_code error;
    result.workdir = std::filesystem::current_path(error).string();
    if (error)
        throw Error(Blame::user, "the working directory is gone, or closed to the job's user")
            .because(error.message());
    result.umask = ::umask(077);
    for (int resource = 0; resource < RLIMIT_NLIMITS; ++resource) {
        rlimit64 limit{};
        if (::getrlimit64(static_cast<__rlimit_resource>(resource), &limit) == 0)
            result.limits.push_back({resource, limit.rlim_cur, limit.rlim_max});
    }
    return result;
}

PlannedTask plan_task(const Request& request, const runner::GuestAccess& access,
                      const Surroundings& surroundings)
{
    PlannedTask plan;
    runner::Task& task = plan.task;
    task.name = ctx::random_hex(8);
    task.workdir = surroundings.workdir;
    task.umask = surroundings.umask;
    task.limits = surroundings.limits;
    task.environment = runner::task_environment({.given = surroundings.environment,
                                                 .defaults = access.environment,
                                                 .user = access.user,
                                                 .job_id = access.job_id});
    const std::string& shell = request.shell.empty() ? access.user.shell : request.shell;
    switch (request.form) {
    case Form::script_line: {
        // The shell takes the line apart, as it would here: what is behind the path are the user's own words.
        // It becomes the script: a shell that waits for it would die of the SIGTERM that a script may want to
        // hear, and say 139 where the script died of SIGSEGV.
        const std::string line = read_script_line();
        const std::string path = line.substr(0, line.find_first_of(" \t\n"));
        task.script = read_script(path);
        run_by_shell(task, shell);
        plan.input = "exec " + runner::script_place(task.name) + line.substr(path.size());
        break;
    }
    case Form::script_input: run_by_shell(task, shell); break;
    case Form::script_argument:
        task.script = read_script(request.script);
        run_by_shell(task, shell);
        task.arguments.push_back(runner::script_place(task.name));
        task.arguments.insert(task.arguments.end(), request.command.begin(), request.command.end());
        break;
    case Form::interpreter:
        run_as_script(task, without_our_line(read_script(request.script)), request.command);
        break;
    case Form::command:
        task.program = request.command.front();
        task.arguments = request.command;
        break;
    case Form::login_shell:
        task.program = shell;
        task.arguments = {"-" + file_name(shell)};
        break;
    }
    return plan;
}

} // namespace remoteshell
