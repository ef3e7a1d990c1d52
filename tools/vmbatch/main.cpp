// vmbatch: the command line. Each noun is a file of its own.
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ostream.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <ctx/base/error.hpp>

#include "cache_disk_commands.hpp"
#include "common_options.hpp"
#include "config_commands.hpp"
#include "context_commands.hpp"
#include "guest_commands.hpp"
#include "help_formatter.hpp"
#include "image_commands.hpp"
#include "iso_commands.hpp"
#include "job_commands.hpp"
#include "run_command.hpp"

namespace {

constexpr const char* description = R"(A throwaway virtual machine for every batch job.

vmbatch keeps images of machines in a cache, makes a guest from one for each job,
tells it who it is, runs the job in it and removes it.)";

constexpr const char* footer = R"(
Exit codes, the same everywhere:
  0  done                          3  this host is at fault
  1  the request is wrong          4  a remote is at fault
  2  usage                         5  timed out
'vmbatch run' and 'guest shell' return the job's, or the command's, own exit code, and 120 + these for failures of
their own.

Where things are, the first that is said counts:
  --config FILE    or VMBATCH_CONFIG      else /etc/vmbatch/vmbatch.toml
  --cache-dir DIR  or VMBATCH_CACHE_DIR   else paths.cache_dir of the configuration
  --state-dir DIR  or VMBATCH_STATE_DIR   else paths.state_dir of the configuration)";

int report(const ctx::Error& error)
{
    std::cerr << "vmbatch: " << error.explain() << '\n';
    return static_cast<int>(ctx::exit_code(error));
}

// The exit codes of 'run' are its job's.
int failure(const CLI::App& app, ctx::ExitCode code)
{
    constexpr int run_offset = 120;
    const CLI::App* guest = app.get_subcommand("guest");
    const bool has_a_code_of_its_own = app.got_subcommand("run") || guest->got_subcommand("shell");
    return (has_a_code_of_its_own ? run_offset : 0) + static_cast<int>(code);
}

int usage_error(const CLI::App& app, const CLI::ParseError& error)
{
    // Help is asked for by an "error", too.
    if (error.get_exit_code() == 0) return app.exit(error);
    std::cerr << "vmbatch: " << error.what() << "; see --help\n";
    return failure(app, ctx::ExitCode::usage);
}

// Whoever started us may have closed a standard stream; no file of ours may take its number.
void open_standard_streams()
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        if (::fcntl(fd, F_GETFD) < 0) ::open("/dev/null", O_RDWR); // the lowest free number is this one
    }
}

} // namespace

int main(int argc, char** argv)
{
    open_standard_streams();
    CommonOptions options;
    CLI::App app{description, "vmbatch"};
    app.formatter(std::make_shared<HelpFormatter>());
    app.footer(footer);
    app.set_version_flag("--version", "vmbatch " VMBATCH_VERSION);
    app.require_subcommand(1);
    // Options before and after the noun mean the same.
    app.fallthrough();
    add_common_options(app, options);
    app.parse_complete_callback([&] {
        spdlog::set_default_logger(spdlog::stderr_logger_st("vmbatch"));
        spdlog::set_pattern("vmbatch: %l: %v");
        spdlog::set_level(spdlog::level::from_str(options.log_level));
    });
    add_image_commands(app, options);
    add_run_command(app, options);
    add_job_commands(app, options);
    add_guest_commands(app, options);
    add_context_commands(app);
    add_iso_commands(app, options);
    add_cache_disk_commands(app);
    add_config_commands(app, options);

    try {
        app.parse(argc, argv);
        return options.exit_code;
    } catch (const CLI::ParseError& error) {
        return usage_error(app, error);
    } catch (const ctx::Error& error) {
        return report(error);
    } catch (const std::exception& error) {
        std::cerr << "vmbatch: internal error: " << error.what() << '\n';
        return failure(app, ctx::ExitCode::node);
    }
}
