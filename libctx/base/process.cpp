#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/process.hpp>
#include <ctx/base/text.hpp>

extern "C" { // glibc 2.36's header forgets to say so
#include <sys/pidfd.h>
}

namespace ctx {

namespace {

constexpr std::size_t output_limit = 1 << 20;

const std::vector<std::string>& default_environment()
{
    static const std::vector<std::string> environment = {
        "LANG=C.UTF-8", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
    return environment;
}

std::vector<char*> pointers(const std::vector<std::string>& strings)
{
    std::vector<char*> result;
    result.reserve(strings.size() + 1);
    // execve's signature says char*, it changes nothing.
    for (const std::string& text : strings)
        result.push_back(const_cast<char*>(text.c_str())); // NOLINT(cppcoreguidelines-pro-type-const-cast)
    result.push_back(nullptr);
    return result;
}

struct Pipe {
    Fd read;
    Fd write;
};

Pipe make_pipe()
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) < 0) throw system_error("cannot make a pipe", "", errno);
    return {Fd(ends[0]), Fd(ends[1])};
}

// In the child, between fork and exec: only async-signal-safe calls. Returns on failure.
void become(const ProcessSpec& spec, char* const* argv, char* const* environment, pid_t parent, int null_fd)
{
    // Numbers first lifted out of 0..2, so that one redirection cannot overwrite the source of the next.
    std::array<int, 3> source = {spec.standard_input, spec.standard_output, spec.standard_error};
    for (int& fd : source) fd = ::fcntl(fd < 0 ? null_fd : fd, F_DUPFD, 3);
    for (int to = 0; to < 3; ++to) {
        const int from = source.at(static_cast<std::size_t>(to));
        if (from < 0 || ::dup2(from, to) < 0) return;
    }
    // Whatever leaked into us (batch systems leave pipes open) does not reach the program.
    if (::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0) return;

    sigset_t blocked;
    sigemptyset(&blocked);
    for (const int number : spec.blocked_signals) sigaddset(&blocked, number);
    sigprocmask(SIG_SETMASK, &blocked, nullptr);
    for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2})
        (void)::signal(number, SIG_DFL);

    if (spec.own_session && ::setsid() < 0) return;
    if (spec.run_as) {
        if (::setgroups(spec.run_as->groups.size(), spec.run_as->groups.data()) < 0) return;
        if (::setresgid(spec.run_as->gid, spec.run_as->gid, spec.run_as->gid) < 0) return;
        if (::setresuid(spec.run_as->uid, spec.run_as->uid, spec.run_as->uid) < 0) return;
    }
    if (::chdir(spec.working_directory.c_str()) < 0) return;
    // After the change of user, which clears it. A parent that died in between is noticed by its pid.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) return;
    if (::getppid() != parent) ::_exit(127);
    ::execve(argv[0], argv, environment);
}

std::string name_of(const ProcessSpec& spec)
{
    return spec.argv.empty() ? "(no program)" : spec.argv.front();
}

} // namespace

Process::Process(const ProcessSpec& spec)
{
    const std::vector<char*> argv = pointers(spec.argv);
    const std::vector<char*> environment =
        pointers(spec.environment.empty() ? default_environment() : spec.environment);
    const Fd null_fd = open_file("/dev/null", O_RDWR);
    // A child that cannot exec writes errno here; a successful exec closes it.
    Pipe failure = make_pipe();
    const pid_t parent = ::getpid();

    pid_ = ::fork();
    if (pid_ < 0) throw system_error("cannot start", name_of(spec), errno);
    if (pid_ == 0) {
        const int report = ::fcntl(failure.write.get(), F_DUPFD_CLOEXEC, 3);
        become(spec, argv.data(), environment.data(), parent, null_fd.get());
        const int error_number = errno;
        if (::write(report, &error_number, sizeof error_number) < 0) ::_exit(126);
        ::_exit(127);
    }
    failure.write = Fd();
    pidfd_ = Fd(::pidfd_open(pid_, 0));

    int error_number = 0;
    ssize_t count = 0;
    do count = ::read(failure.read.get(), &error_number, sizeof error_number);
    while (count < 0 && errno == EINTR);
    if (count == 0 && pidfd_) return;

    const int reason = count > 0 ? error_number : errno;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    throw system_error("cannot start", name_of(spec), reason);
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)), status_(other.status_)
{
}

Process::~Process()
{
    if (pid_ <= 0 || status_) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

std::optional<ExitStatus> Process::wait(const Deadline& deadline)
{
    while (!status_) {
        pollfd ended = {.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
        const int count = ::poll(&ended, 1, static_cast<int>(deadline.left().count()));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return std::nullopt;
        int status = 0;
        if (::waitpid(pid_, &status, 0) < 0) throw system_error("cannot wait for a process", "", errno);
        status_ = WIFSIGNALED(status) ? ExitStatus{0, WTERMSIG(status)} : ExitStatus{WEXITSTATUS(status), 0};
    }
    return status_;
}

void Process::signal(int number) const
{
    if (pid_ > 0 && !status_) ::kill(pid_, number);
}

namespace {

// What is still to be moved between us and a child: its input, and the two outputs.
struct Conversation {
    Fd input;
    Fd output;
    Fd error_output;
    std::string_view unsent;
    ProcessResult result;

    bool open() const { return input || output || error_output; }

    // True when the pipe is at its end.
    static bool drain(int fd, std::string& into)
    {
        std::array<char, 65536> block{};
        const ssize_t count = ::read(fd, block.data(), block.size());
        if (count < 0) return errno != EINTR && errno != EAGAIN;
        const std::size_t room = output_limit - std::min(output_limit, into.size());
        into.append(block.data(), std::min(room, static_cast<std::size_t>(count)));
        return count == 0;
    }

    void step(const Deadline& deadline)
    {
        std::array<pollfd, 3> watched = {{{.fd = input.get(), .events = POLLOUT, .revents = 0},
                                          {.fd = output.get(), .events = POLLIN, .revents = 0},
                                          {.fd = error_output.get(), .events = POLLIN, .revents = 0}}};
        if (::poll(watched.data(), watched.size(), static_cast<int>(deadline.left().count())) <= 0) return;
        if (watched[0].revents != 0) {
            const ssize_t count = ::write(input.get(), unsent.data(), unsent.size());
            if (count > 0) unsent.remove_prefix(static_cast<std::size_t>(count));
            if (unsent.empty() || (count < 0 && errno != EINTR && errno != EAGAIN)) input = Fd();
        }
        if (watched[1].revents != 0 && drain(output.get(), result.output)) output = Fd();
        if (watched[2].revents != 0 && drain(error_output.get(), result.error_output)) error_output = Fd();
    }
};

} // namespace

ProcessResult run(const ProcessSpec& spec, const Deadline& deadline, std::string_view input)
{
    Pipe in = make_pipe();
    Pipe out = make_pipe();
    Pipe err = make_pipe();
    ProcessSpec wired = spec;
    if (!input.empty()) wired.standard_input = in.read.get();
    wired.standard_output = out.write.get();
    wired.standard_error = err.write.get();

    // A program that ends without reading its input must not end us; restored below. Threads are not
    // affected.
    sigset_t pipe_signal;
    sigset_t before;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);

    Process process(wired);
    in.read = Fd();
    out.write = Fd();
    err.write = Fd();
    Conversation talk{.input = input.empty() ? Fd() : std::move(in.write),
                      .output = std::move(out.read),
                      .error_output = std::move(err.read),
                      .unsent = input,
                      .result = {}};
    if (talk.input) ::fcntl(talk.input.get(), F_SETFL, O_NONBLOCK);
    while (talk.open() && !deadline.passed()) talk.step(deadline);
    const std::optional<ExitStatus> status = process.wait(deadline);

    const timespec now{};
    while (::sigtimedwait(&pipe_signal, nullptr, &now) == SIGPIPE) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);

    if (!status)
        throw Error(Blame::node, "a program did not end in time")
            .at(name_of(spec))
            .because(talk.result.error_output.empty() ? "no message from it"
                                                      : printable(talk.result.error_output))
            .as_timeout();
    talk.result.status = *status;
    return std::move(talk.result);
}

std::string run_checked(const ProcessSpec& spec, const Deadline& deadline, std::string_view input)
{
    ProcessResult result = run(spec, deadline, input);
    if (result.status.success()) return std::move(result.output);
    const std::string end = result.status.signal != 0
                                ? fmt::format("ended by signal {}", result.status.signal)
                                : fmt::format("exit {}", result.status.code);
    throw Error(Blame::node, "a program failed")
        .at(name_of(spec))
        .because(result.error_output.empty() ? end : end + ": " + printable(result.error_output, 500));
}

} // namespace ctx
