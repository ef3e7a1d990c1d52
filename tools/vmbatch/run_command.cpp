#include "run_command.hpp"

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>
#include <ctx/base/random.hpp>
#include <ctx/base/text.hpp>

#include "../runner/guest/guest_lost.hpp"
#include "../runner/install_paths.hpp"
#include "../runner/journal/journal.hpp"
#include "../runner/lifecycle/run_job.hpp"
#include "context_values.hpp"

namespace {

namespace fs = std::filesystem;
using ctx::Blame;
using ctx::Error;
using nlohmann::json;

constexpr const char* description =
    R"(Run one job in one throwaway guest, without a batch system.

SCRIPT runs in a virtual machine of its own, as the user who calls (through sudo: the user behind it), with the
caller's environment and working directory. Its stdin, stdout and stderr are the command's own; its exit code is
the command's exit code. Afterwards nothing of the machine is left. Must be called by root.

A script without a '#!' line is run by /bin/sh. HOME, USER, LOGNAME and SHELL are those of the account in the guest.)";

constexpr const char* footer = R"(
Example:
  vmbatch run --profile debian --cpus 2 ./simulate.sh input.dat

Exit codes: the job's own; 128+N when the job, or this command, was ended by signal N;
120 the guest was lost while the job ran, 121 the request is wrong, 122 usage, 123 this host is at fault,
124 a remote is at fault, 125 timed out.
Whatever goes wrong, one line on stderr says what, why, and who can mend it how.)";

struct RunOptions {
    std::string profile;
    std::string job_id;
    std::string user;
    std::string workdir;
    std::string memory;
    std::string result_file;
    std::string progress = "auto";
    std::string context;
    std::vector<std::string> settings;
    std::optional<unsigned> vcpus;
    std::vector<std::string> command;
};

constexpr int failure_offset = 120;
constexpr int signal_offset = 128;

ctx::User submitting_user(const std::string& asked)
{
    if (!asked.empty()) return runner::host_user(asked);
    // By hand only; hooks of batch systems never look at the environment.
    const char* behind_sudo = std::getenv("SUDO_USER");
    if (::getuid() == 0 && behind_sudo != nullptr && *behind_sudo != '\0')
        return runner::host_user(std::string(behind_sudo));
    return runner::host_user(::getuid());
}

// The caller's environment without what sudo says of itself.
std::vector<std::string> caller_environment()
{
    std::vector<std::string> result;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        const std::string text = *variable;
        if (!text.starts_with("SUDO_") && !text.starts_with('=') && text.find('=') != std::string::npos)
            result.push_back(text);
    }
    return result;
}

// --set environment.VARIABLE=VALUE counts more than what the job brings.
void put_over(std::vector<std::string>& environment, const ctx::Variables& values)
{
    constexpr std::string_view prefix = "environment.";
    for (const auto& [key, value] : values) {
        if (!key.starts_with(prefix)) continue;
        const std::string start = key.substr(prefix.size()) + "=";
        std::erase_if(environment, [&](const std::string& variable) { return variable.starts_with(start); });
        environment.push_back(start + value);
    }
}

std::string current_directory()
{
    std::error_code error;
    const fs::path path = fs::current_path(error);
    if (error)
        throw Error(Blame::user, "the working directory is gone")
            .because(error.message())
            .mend("change to another, or name one with --workdir");
    return path;
}

mode_t current_umask()
{
    const mode_t mask = ::umask(022);
    ::umask(mask);
    return mask;
}

std::string read_script(const std::string& file)
try {
    constexpr std::size_t limit = 64 << 20;
    return ctx::read_file(file, limit, Blame::user);
} catch (const Error& error) {
    throw Error(Blame::user, "the job's script cannot be read")
        .at(ctx::printable(error.place()))
        .because(error.reason().empty() ? error.problem() : error.reason())
        .mend("name a file of at most 64 MB");
}

runner::Task task_from(const RunOptions& options, const runner::Job& job)
{
    runner::Task task;
    task.name = "run";
    task.script = read_script(options.command.front());
    task.workdir = job.workdir;
    task.umask = current_umask();
    task.environment = caller_environment();
    put_over(task.environment, job.values);
    task.arguments = {runner::script_place(task.name)};
    // Without an interpreter line it is the shell's, as it is everywhere.
    if (!task.script->starts_with("#!")) task.arguments.insert(task.arguments.begin(), "/bin/sh");
    task.program = task.arguments.front();
    task.arguments.insert(task.arguments.end(), options.command.begin() + 1, options.command.end());
    return task;
}

runner::Job job_from(const RunOptions& options)
{
    runner::Job job;
    job.id = options.job_id.empty() ? "run-" + ctx::random_hex(4) : options.job_id;
    job.user = submitting_user(options.user);
    job.workdir = options.workdir.empty() ? current_directory() : options.workdir;
    job.vcpus = options.vcpus;
    if (!options.context.empty()) job.context_file = options.context;
    job.values = context_values(options.settings);
    if (!options.memory.empty()) {
        job.memory = ctx::parse_size(options.memory);
        if (!job.memory)
            throw Error(Blame::user, "not a size")
                .at("--memory " + ctx::printable(options.memory))
                .mend("write 512M or 2G");
    }
    return job;
}

runner::PhaseListener phase_lines(const std::string& progress)
{
    const bool lines = progress == "bar" || (progress == "auto" && ::isatty(STDERR_FILENO) == 1);
    if (lines)
        return {
            .begun = [](const runner::Phase& phase) { fmt::print(stderr, "vmbatch: {} …\n", phase.name); },
            .ended =
                [](const runner::Phase& phase) {
                    fmt::print(stderr, "vmbatch: {} done in {:.1f} s\n", phase.name,
                               std::chrono::duration<double>(phase.time).count());
                }};
    if (progress == "json")
        return {.begun =
                    [](const runner::Phase& phase) {
                        std::cerr << json{{"schema", 1}, {"event", "begun"}, {"phase", phase.name}}.dump()
                                  << '\n';
                    },
                .ended =
                    [](const runner::Phase& phase) {
                        std::cerr << json{{"schema", 1},
                                          {"event", "ended"},
                                          {"phase", phase.name},
                                          {"ms", phase.time.count()}}
                                         .dump()
                                  << '\n';
                    }};
    return {};
}

// Found out before the job runs, not after.
void check_result_file(const std::string& file)
{
    std::error_code ignored;
    if (!fs::is_directory(fs::absolute(file, ignored).parent_path(), ignored))
        throw Error(Blame::user, "the result file has no directory to lie in")
            .at(ctx::printable(file))
            .mend("correct --result-file");
}

void write_result(const std::string& file, const runner::Job& job, const runner::JobEnd& end,
                  const runner::Phases& phases)
{
    json times = json::object();
    for (const runner::Phase& phase : phases.done()) times[phase.name] = phase.time.count();
    const json result = {{"schema", 1},
                         {"job", job.id},
                         {"exit", end.exit_code},
                         {"hostname", end.guest.hostname},
                         {"address", end.guest.address},
                         {"boot_id", end.guest.boot_id},
                         {"phases_ms", times}};
    try {
        ctx::write_file(fs::absolute(file), result.dump(2) + "\n", 0644);
    } catch (const Error& error) { // the job has run: its exit code counts
        spdlog::warn("the result cannot be written: {}", error.what());
    }
}

int run(const RunOptions& options, const CommonOptions& common)
{
    if (::geteuid() != 0)
        throw Error(Blame::user, "'vmbatch run' must be called by root").mend("call it through sudo");
    const runner::Job job = job_from(options);
    const runner::Task task = task_from(options, job);
    if (!options.result_file.empty()) check_result_file(options.result_file);
    const runner::Settings settings = load_settings(common);
    const runner::Profile& profile =
        settings.profile(options.profile.empty() ? settings.default_profile : options.profile);

    runner::SignalInterruption interruption;
    runner::Phases phases(phase_lines(options.progress));
    runner::JobEnd end;
    runner::Journal(settings, "run", job.id).follow(phases, [&] {
        end = runner::run_job(job, task, profile, settings, runner::install_paths(), phases, interruption);
    });
    if (end.leftover)
        spdlog::warn("not everything could be removed: {}; 'vmbatch job gc' will try again", *end.leftover);
    if (!options.result_file.empty()) write_result(options.result_file, job, end, phases);
    return end.exit_code;
}

// Our failures are told apart from the job's exit codes, in one line.
int run_reporting(const RunOptions& options, const CommonOptions& common)
{
    try {
        return run(options, common);
    } catch (const runner::GuestLost& error) {
        std::cerr << "vmbatch: " << error.one_line() << '\n';
        return runner::guest_lost_exit;
    } catch (const Error& error) {
        std::cerr << "vmbatch: " << error.one_line() << '\n';
        return failure_offset + static_cast<int>(ctx::exit_code(error));
    } catch (const runner::Interrupted& interrupted) {
        return signal_offset + interrupted.signal;
    }
}

} // namespace

void add_run_command(CLI::App& app, CommonOptions& common)
{
    auto options = std::make_shared<RunOptions>();
    CLI::App* command = app.add_subcommand("run", description);
    command->footer(footer);
    // Everything from SCRIPT on belongs to the job: no option of ours is looked for there.
    command->prefix_command();
    command->fallthrough(false);
    add_common_options(*command, common);
    command
        ->add_option("--profile", options->profile,
                     "the admin's recipe to use (default: jobs.default_profile)")
        ->type_name("P");
    command->add_option("--cpus", options->vcpus, "virtual CPUs, within the profile's bounds")
        ->type_name("N");
    command->add_option("--memory", options->memory, "memory, as 512M or 2G, within the profile's bounds")
        ->type_name("SIZE");
    command->add_option("--workdir", options->workdir, "the job's working directory (default: the caller's)")
        ->type_name("DIR");
    command
        ->add_option("--context", options->context,
                     "a context file over the profile's own: what else the guest is told")
        ->type_name("FILE");
    add_set_option(*command, options->settings);
    command->add_option("--user", options->user, "the account the job belongs to")->type_name("NAME");
    command->add_option("--job-id", options->job_id, "what the job is called (default: a random one)")
        ->type_name("ID");
    command->add_option("--result-file", options->result_file, "write how it went to FILE, as JSON")
        ->type_name("FILE");
    command
        ->add_option(
            "--progress", options->progress,
            "what is being done, on stderr: bar (a line a phase), json, none, or auto (bar on a terminal)")
        ->check(CLI::IsMember({"auto", "bar", "json", "none"}))
        ->type_name("HOW");
    command->callback([command, options, &common] {
        options->command = command->remaining();
        if (options->command.empty()) throw CLI::RequiredError("SCRIPT");
        if (options->command.front().starts_with('-')) throw CLI::ExtrasError({options->command.front()});
        common.exit_code = run_reporting(*options, common);
    });
}
