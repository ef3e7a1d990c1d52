#include "task_session.hpp"

#include <charconv>
#include <chrono>
#include <csignal>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

#include "guest_lost.hpp"

namespace runner {

using namespace std::chrono_literals;
using ctx::Blame;
using ctx::Error;

namespace {

constexpr int workdir_missing = 3; // the shim's word for it
constexpr int first_signal = 128;  // 128 + N of a shell; 255 is the SSH client's own failure, too

// With `exec`, whatever shell the user has: it would stay between sshd and the task's terminal.
std::string shim(std::string_view verb, const std::string& folder)
{
    return fmt::format("exec {} {} {}", job_shim_place, verb, folder);
}

ctx::ProcessSpec run_spec(const SshConnection& guest, const std::string& folder, const TaskStreams& streams)
{
    ctx::ProcessSpec spec = guest.session(shim("run", folder), streams.terminal);
    spec.standard_input = streams.input;
    spec.standard_output = streams.output;
    spec.standard_error = streams.error_output;
    return spec;
}

// "exit 7", "signal 11"
std::optional<ctx::ExitStatus> parse_status(std::string_view text)
{
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    int number = 0;
    const auto [rest, failure] = std::from_chars(text.data() + space + 1, text.data() + text.size(), number);
    if (failure != std::errc{} || number < 0 || number > 255) return std::nullopt;
    const std::string_view how = text.substr(0, space);
    if (how == "exit") return ctx::ExitStatus{number, 0};
    if (how == "signal" && number > 0 && number < NSIG) return ctx::ExitStatus{0, number};
    return std::nullopt;
}

} // namespace

void TaskSession::send(const SshConnection& guest, const Task& task, const ctx::Deadline& deadline)
{
    const ctx::ProcessResult result =
        ctx::run(guest.session(shim("put", task_folder(task.name))), deadline, encode(task));
    if (result.status.success()) return;
    if (result.status.code == workdir_missing)
        throw Error(Blame::user, "the working directory cannot be entered in the guest")
            .at(ctx::printable(task.workdir))
            .because(ctx::printable(result.error_output))
            .mend("choose another, or have the administrator add it to the profile as a mount, or set "
                  "create_workdir = true");
    throw Error(Blame::node, "the job cannot be put into the guest")
        .because(ctx::printable(result.error_output))
        .mend("the guest needs room in /tmp, and to be of this host's architecture");
}

TaskSession::TaskSession(const SshConnection& guest, const Task& task, const TaskStreams& streams)
    : guest_(guest), folder_(task_folder(task.name)), session_(run_spec(guest, folder_, streams))
{
}

void TaskSession::signal(int number, const ctx::Deadline& deadline) const
{
    ctx::run_checked(guest_.session(fmt::format("{} {}", shim("signal", folder_), number)), deadline);
}

void TaskSession::resized() const
{
    session_.signal(SIGWINCH);
}

ctx::ExitStatus TaskSession::result()
{
    const auto status = session_.wait(ctx::Deadline::in({}));
    if (status && status->signal == 0 && status->code < first_signal) return *status;
    const ctx::ProcessResult said = ctx::run(guest_.session(shim("status", folder_)), ctx::Deadline::in(20s));
    if (said.status.success()) {
        if (const auto recorded = parse_status(said.output)) return *recorded;
    }
    throw GuestLost(Error(Blame::node, "the connection to the guest was lost while the job ran")
                        .mend("see whether the guest's network or its SSH server failed; the job can be run "
                              "again"));
}

} // namespace runner
