#include "ssh.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

namespace runner {

using namespace std::chrono_literals;
using ctx::Blame;
using ctx::Error;

namespace {

// Relative to the target's directory, in which the client runs: a socket's path may have 107 bytes only, and
// a job id alone can be longer. Several of us may talk to one guest.
std::string control_socket()
{
    return fmt::format("connection-{}", ::getpid());
}

ctx::ProcessSpec client(const SshTarget& target, const std::string& socket,
                        std::initializer_list<std::string> mode)
{
    ctx::ProcessSpec spec;
    spec.argv = {"/usr/bin/ssh", "-F", "none"};
    for (const std::string& option : {std::string("IdentitiesOnly=yes"),
                                      std::string("IdentityAgent=none"),
                                      std::string("IdentityFile=key"),
                                      "HostKeyAlias=" + target.host_alias,
                                      std::string("UserKnownHostsFile=known_hosts"),
                                      std::string("GlobalKnownHostsFile=none"),
                                      std::string("StrictHostKeyChecking=yes"),
                                      std::string("UpdateHostKeys=no"),
                                      std::string("CheckHostIP=no"),
                                      std::string("BatchMode=yes"),
                                      std::string("PreferredAuthentications=publickey"),
                                      std::string("ForwardAgent=no"),
                                      std::string("ForwardX11=no"),
                                      std::string("PermitLocalCommand=no"),
                                      std::string("EscapeChar=none"),
                                      std::string("SetEnv=SHLVL=1"),
                                      std::string("ConnectTimeout=10"),
                                      std::string("ServerAliveInterval=15"),
                                      std::string("ServerAliveCountMax=4"),
                                      std::string("LogLevel=ERROR"),
                                      "ControlPath=" + socket}) {
        spec.argv.emplace_back("-o");
        spec.argv.push_back(option);
    }
    spec.argv.insert(spec.argv.end(), mode);
    spec.argv.insert(spec.argv.end(),
                     {"-p", fmt::format("{}", target.port), "-l", target.user, "--", target.address});
    spec.run_as = target.run_as;
    spec.working_directory = target.directory.string();
    spec.own_session = true;
    // A batch system may signal every process it can find of a job. What they mean is for the job.
    spec.blocked_signals = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP, SIGXCPU};
    return spec;
}

std::string content(int fd)
{
    std::array<char, 2048> buffer{};
    const ssize_t count = ::pread(fd, buffer.data(), buffer.size(), 0);
    return {buffer.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
}

void pause(std::chrono::milliseconds time, const ctx::Deadline& deadline, Interruption& interruption)
{
    pollfd stop = {.fd = interruption.fd(), .events = POLLIN, .revents = 0};
    ::poll(&stop, 1, static_cast<int>(std::min(deadline.left(), time).count()));
    interruption.check();
}

} // namespace

SshConnection::SshConnection(SshTarget target, SocketFile socket, ctx::Process master)
    : target_(std::move(target)), socket_(std::move(socket)), master_(std::move(master))
{
}

bool SshConnection::SocketFile::is_there() const
{
    return ::access(path_.c_str(), F_OK) == 0;
}

void SshConnection::SocketFile::remove() const noexcept
{
    if (!path_.empty()) ::unlink(path_.c_str());
}

SshConnection SshConnection::open(const SshTarget& target, const ctx::Deadline& deadline,
                                  Interruption& interruption)
{
    std::string last_words = "it was not tried";
    while (!deadline.passed()) {
        SocketFile socket(target.directory / control_socket());
        const ctx::Fd words(::memfd_create("ssh", MFD_CLOEXEC));
        ctx::ProcessSpec spec = client(target, socket.name(), {"-T", "-M", "-N"});
        spec.standard_error = words.get();
        ctx::Process master(spec);
        // The socket appears when the login has succeeded.
        while (!deadline.passed() && !master.wait(ctx::Deadline::in(0ms))) {
            if (socket.is_there()) return {target, std::move(socket), std::move(master)};
            pause(20ms, deadline, interruption);
        }
        // One that the deadline ended in its middle may have said nothing yet.
        if (std::string said = content(words.get()); !said.empty()) last_words = std::move(said);
        if (last_words.find("verification failed") != std::string::npos)
            throw Error(Blame::remote, "the machine that answers is not the guest we made")
                .at(fmt::format("{} port {}", target.address, target.port))
                .because(ctx::printable(last_words, 300))
                .mend("look for another machine with this address");
        pause(200ms, deadline, interruption);
    }
    throw Error(Blame::node, "the guest does not let the job's user in")
        .at(fmt::format("{} port {}", target.address, target.port))
        .because(ctx::printable(last_words, 300))
        .mend("look at the guest's console; a slow host needs a longer deadlines.connect")
        .as_timeout();
}

ctx::ProcessSpec SshConnection::session(const std::string& remote_command, Terminal terminal) const
{
    // Twice: a terminal is asked for although our standard output may be none.
    const std::string kind = terminal == Terminal::yes ? "-tt" : "-T";
    ctx::ProcessSpec spec = client(target_, socket_.name(), {kind, "-o", "ControlMaster=no"});
    spec.argv.push_back(remote_command);
    return spec;
}

} // namespace runner
