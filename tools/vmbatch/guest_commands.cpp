#include "guest_commands.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>

#include "../remoteshell/find_access.hpp"
#include "../remoteshell/leader.hpp"
#include "../remoteshell/plan_task.hpp"
#include "../remoteshell/request.hpp"
#include "../remoteshell/worker.hpp"
#include "../runner/guest/access.hpp"
#include "../runner/guest/guest_lost.hpp"
#include "../runner/ledger/ledger.hpp"
#include "console_command.hpp"

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ctx::Blame;
using ctx::Error;

constexpr const char* shell_description =
    R"(A shell in a job's guest, as the job's user, beside the job; or one command.

Standard input, output and error, the terminal and signals are the shell's own; its exit code is the command's.
Must be called by root, while the job's guest is ready.)";

constexpr const char* shell_footer = R"(
Example:
  vmbatch guest shell 1234 ps -ef

Exit codes: the command's own; 120 the guest was lost, 121 the request is wrong, 122 usage, 123 this host is at fault,
124 a remote is at fault, 125 timed out.)";

constexpr const char* log_description =
    R"(What a job's guest has written to its console: firmware, kernel, its contextualization.

Control characters are shown as \xNN: a guest's words must not reach a terminal as they are.)";

constexpr int failure_offset = 120;

// The administrator's directory and variables mean nothing in the guest.
remoteshell::Surroundings plain_surroundings(const runner::GuestAccess& access)
{
    remoteshell::Surroundings result;
    result.workdir = access.user.home;
    for (const char* name : {"TERM", "LANG"}) {
        const char* value = std::getenv(name);
        if (value != nullptr) result.environment.push_back(std::string(name) + "=" + value);
    }
    return result;
}

ctx::ExitStatus open_shell(const CommonOptions& common, const std::string& id,
                           const std::vector<std::string>& command)
{
    const fs::path state_dir = load_settings(common).state_dir;
    (void)runner::find_job(state_dir, id);
    const fs::path directory = runner::job_directory(state_dir, id) / "user";
    const auto access = runner::read_access(directory);
    if (!access || access->refused)
        throw Error(Blame::user, "the job has no guest to log in to")
            .at("'" + id + "'")
            .because(access ? *access->refused : "it is not ready yet")
            .mend("'vmbatch guest log " + id + "' shows how far it is");
    remoteshell::become(access->user);
    const remoteshell::Request request{.form = command.empty() ? remoteshell::Form::login_shell
                                                               : remoteshell::Form::command,
                                       .shell = {},
                                       .script = {},
                                       .command = command};
    const auto plan = remoteshell::plan_task(request, *access, plain_surroundings(*access));
    return remoteshell::lead([&](const remoteshell::FromLeader& leader) {
        return remoteshell::work(*access, directory, plan, leader);
    });
}

[[noreturn]] void shell(const CommonOptions& common, const std::string& id,
                        const std::vector<std::string>& command)
{
    ctx::ExitStatus status;
    try {
        status = open_shell(common, id, command);
    } catch (const runner::GuestLost& error) {
        std::cerr << "vmbatch: " << error.one_line() << '\n';
        status.code = runner::guest_lost_exit;
    } catch (const Error& error) {
        std::cerr << "vmbatch: " << error.one_line() << '\n';
        status.code = failure_offset + static_cast<int>(ctx::exit_code(error));
    }
    remoteshell::end_like(status);
}

void print_harmless(std::string_view text)
{
    std::string harmless;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool control =
            (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f || (byte >= 0x80 && byte < 0xa0);
        if (c == '\r') continue;
        if (control)
            fmt::format_to(std::back_inserter(harmless), "\\x{:02x}", byte);
        else
            harmless += c;
    }
    fmt::print("{}", harmless);
    static_cast<void>(std::fflush(stdout));
}

// Until the job is gone, if it is followed.
void log(const CommonOptions& common, const std::string& id, bool follow)
{
    const fs::path state_dir = load_settings(common).state_dir;
    (void)runner::find_job(state_dir, id);
    const fs::path job = runner::job_directory(state_dir, id);
    const fs::path path = job / "disk" / runner::console_name;
    const ctx::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) throw ctx::system_error("the guest has no console yet", path.string(), errno, Blame::user);
    std::array<char, 65536> block{};
    for (;;) {
        const ssize_t count = ::read(file.get(), block.data(), block.size());
        if (count > 0)
            print_harmless({block.data(), static_cast<std::size_t>(count)});
        else if (!follow || !fs::exists(job))
            return;
        else
            std::this_thread::sleep_for(200ms);
    }
}

} // namespace

void add_guest_commands(CLI::App& app, CommonOptions& common)
{
    CLI::App* noun = app.add_subcommand("guest", "Look into the guest of a job.");
    noun->require_subcommand(1);

    CLI::App* shell_command = noun->add_subcommand("shell", shell_description);
    shell_command->footer(shell_footer);
    // Everything from JOB on belongs to the command: no option of ours is looked for there.
    shell_command->prefix_command();
    shell_command->fallthrough(false);
    add_common_options(*shell_command, common);
    shell_command->callback([shell_command, &common] {
        std::vector<std::string> rest = shell_command->remaining();
        if (rest.empty()) throw CLI::RequiredError("JOB");
        if (rest.front().starts_with('-')) throw CLI::ExtrasError({rest.front()});
        const std::string id = rest.front();
        rest.erase(rest.begin());
        shell(common, id, rest);
    });

    add_console_command(*noun, common);

    auto id = std::make_shared<std::string>();
    auto follow = std::make_shared<bool>(false);
    CLI::App* log_command = noun->add_subcommand("log", log_description);
    log_command->add_option("JOB", *id, "its id")->required();
    log_command->add_flag("-f,--follow", *follow, "go on until the job is gone");
    log_command->callback([&common, id, follow] { log(common, *id, *follow); });
}
