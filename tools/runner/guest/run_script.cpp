#include "run_script.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

#include "job_script.hpp"

namespace runner {

using namespace std::chrono_literals;
using ctx::Blame;
using ctx::Error;

namespace {

// The SSH client makes what it is given non-blocking, also for whoever shares it with us (a terminal, a
// pipe).
class KeepFlags {
public:
    KeepFlags()
    {
        for (int fd = 0; fd < 3; ++fd) flags_.at(static_cast<std::size_t>(fd)) = ::fcntl(fd, F_GETFL);
    }
    KeepFlags(const KeepFlags&) = delete;
    KeepFlags& operator=(const KeepFlags&) = delete;
    KeepFlags(KeepFlags&&) = delete;
    KeepFlags& operator=(KeepFlags&&) = delete;
    ~KeepFlags()
    {
        for (int fd = 0; fd < 3; ++fd) {
            const int flags = flags_.at(static_cast<std::size_t>(fd));
            if (flags >= 0) ::fcntl(fd, F_SETFL, flags);
        }
    }

private:
    std::array<int, 3> flags_{};
};

ctx::ExitStatus wait_for(ctx::Process& session, const std::function<bool()>& guest_runs,
                         Interruption& interruption)
{
    constexpr auto look_every = 5s;
    for (;;) {
        std::array<pollfd, 2> watched = {{{.fd = session.pidfd(), .events = POLLIN, .revents = 0},
                                          {.fd = interruption.fd(), .events = POLLIN, .revents = 0}}};
        ::poll(watched.data(), watched.size(),
               static_cast<int>(std::chrono::milliseconds(look_every).count()));
        interruption.check();
        if (const auto status = session.wait(ctx::Deadline::in(0ms))) return *status;
        // A dead guest does not close its connections.
        if (!guest_runs())
            throw Error(Blame::node, "the guest was lost while the job ran")
                .because("it ended, or was ended, before its job")
                .mend("libvirtd's log of the guest may say why; the job can be run again");
    }
}

std::optional<int> recorded_status(const SshConnection& guest)
{
    const ctx::ProcessResult result = ctx::run(guest.session(status_command()), ctx::Deadline::in(10s));
    int status = 0;
    const char* const end = result.output.data() + result.output.size();
    const auto [rest, failure] = std::from_chars(result.output.data(), end, status);
    if (!result.status.success() || failure != std::errc{} || rest == result.output.data())
        return std::nullopt;
    return status;
}

} // namespace

void send_script(const SshConnection& guest, const Job& job, const Profile& profile,
                 const std::string& script, const std::map<std::string, std::string>& defaults,
                 const ctx::Deadline& deadline)
{
    const std::string stream = pack(render_job_files(job, script, defaults));
    const ctx::ProcessResult result = ctx::run(guest.session(unpack_command(job.workdir)), deadline, stream);
    if (result.status.success()) return;
    if (result.status.code == workdir_missing)
        throw Error(Blame::user, "the working directory cannot be entered in the guest")
            .at(ctx::printable(job.workdir))
            .because(ctx::printable(result.error_output))
            .mend("choose another with --workdir, or have the administrator add [[profile." + profile.name +
                  ".mount]] or create_workdir = true");
    throw Error(Blame::node, "the script cannot be put into the guest")
        .because(ctx::printable(result.error_output))
        .mend("the image needs a shell, tar and room in /tmp");
}

int run_script(const SshConnection& guest, const std::function<bool()>& guest_runs,
               Interruption& interruption)
{
    const KeepFlags keep;
    ctx::ProcessSpec spec = guest.session(main_command());
    spec.standard_input = STDIN_FILENO;
    spec.standard_output = STDOUT_FILENO;
    spec.standard_error = STDERR_FILENO;
    ctx::Process session(spec);
    const ctx::ExitStatus status = wait_for(session, guest_runs, interruption);

    constexpr int connection_lost = 255;
    if (status.signal == 0 && status.code != connection_lost) return status.code;
    if (const auto recorded = recorded_status(guest)) return *recorded;
    throw Error(Blame::node, "the connection to the guest was lost while the job ran")
        .mend("see whether the guest's network or its SSH server failed; the job can be run again");
}

} // namespace runner
