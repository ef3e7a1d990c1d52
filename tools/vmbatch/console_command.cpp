#include "console_command.hpp"

#include <array>
#include <cerrno>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <termios.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <ctx/base/deadline.hpp>
#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/file.hpp>

#include "../runner/hypervisor/hypervisor.hpp"
#include "../runner/ledger/ledger.hpp"

namespace {

using ctx::Blame;
using ctx::Error;

constexpr const char* description = R"(Sit at the serial console of a job's guest, until Ctrl-].

What the guest writes reaches the terminal as it is, which a job may use to play tricks on it: 'vmbatch guest log' shows
the same harmlessly. Ends when the guest does, or its own standard input. One at a time; called by root.)";

constexpr char escape = '\x1d'; // Ctrl-]

// The terminal passes every key on, and shows none by itself, as long as this exists.
class RawTerminal {
public:
    RawTerminal()
    {
        if (::tcgetattr(STDIN_FILENO, &before_) < 0) return;
        termios raw = before_;
        ::cfmakeraw(&raw);
        is_terminal_ = ::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
    }
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;
    RawTerminal(RawTerminal&&) = delete;
    RawTerminal& operator=(RawTerminal&&) = delete;
    ~RawTerminal()
    {
        if (is_terminal_) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
    }

private:
    termios before_{};
    bool is_terminal_ = false;
};

ctx::Fd open_console(const std::string& path, const std::string& job)
{
    ctx::Fd console = ctx::open_file(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
    if (::isatty(console.get()) != 1)
        throw Error(Blame::node, "the guest's console is no terminal").at(path).mend("look at its domain");
    // Two readers would each get a half.
    if (::flock(console.get(), LOCK_EX | LOCK_NB) < 0)
        throw Error(Blame::user, "somebody else has the console already")
            .at("'" + job + "'")
            .mend("wait, or follow it by 'vmbatch guest log " + job + " --follow'");
    return console;
}

// Passes on between the standard streams and the console. What a guest does not take is kept for it within
// limits, so that the escape is always heard.
class Conversation {
public:
    explicit Conversation(int console) : console_(console) {}

    void run()
    {
        while (step()) {
        }
    }

private:
    bool step()
    {
        const auto wanted = static_cast<short>(unsent_.empty() ? POLLIN : POLLIN | POLLOUT);
        std::array<pollfd, 2> watched = {{{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                                          {.fd = console_, .events = wanted, .revents = 0}}};
        if (::poll(watched.data(), watched.size(), -1) < 0) return errno == EINTR;
        if ((watched[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !from_guest()) return false;
        if ((watched[1].revents & POLLOUT) != 0) to_guest();
        return watched[0].revents == 0 || from_user();
    }

    bool from_guest()
    {
        const ssize_t count = ::read(console_, block_.data(), block_.size());
        if (count < 0) return errno == EAGAIN || errno == EINTR; // EIO: the guest has ended
        if (count == 0) return false;
        ctx::write_all(STDOUT_FILENO, {block_.data(), static_cast<std::size_t>(count)}, "standard output");
        return true;
    }

    bool from_user()
    {
        const ssize_t count = ::read(STDIN_FILENO, block_.data(), block_.size());
        if (count < 0 && errno == EINTR) return true;
        if (count <= 0) return false;
        const std::string_view typed(block_.data(), static_cast<std::size_t>(count));
        constexpr std::size_t most_unsent = 64 << 10;
        if (unsent_.size() < most_unsent) unsent_ += typed.substr(0, typed.find(escape));
        to_guest();
        return typed.find(escape) == std::string_view::npos;
    }

    void to_guest()
    {
        const ssize_t count = ::write(console_, unsent_.data(), unsent_.size());
        if (count > 0) unsent_.erase(0, static_cast<std::size_t>(count));
    }

    int console_;
    std::string unsent_;
    std::array<char, 4096> block_{};
};

void console(const CommonOptions& common, const std::string& id)
{
    const runner::Settings settings = load_settings(common);
    const runner::KnownJob job = runner::find_job(settings.state_dir, id);
    const auto hypervisor = runner::make_hypervisor(job.record.hypervisor, settings.hypervisor,
                                                    runner::install_paths(), settings.state_dir);
    const std::string path = hypervisor->console(job.record.uuid, ctx::Deadline::in(settings.limits.start));
    if (path.empty())
        throw Error(Blame::user, "the job has no guest with a console")
            .at("'" + id + "'")
            .mend("'vmbatch job show " + id + "' says how far it is");
    const ctx::Fd terminal = open_console(path, id);
    std::cerr << "vmbatch: the console of job " << id << "; Ctrl-] leaves it\n";
    {
        const RawTerminal raw;
        Conversation(terminal.get()).run();
    }
    std::cerr << "\nvmbatch: left the console of job " << id << '\n';
}

} // namespace

void add_console_command(CLI::App& noun, CommonOptions& common)
{
    auto id = std::make_shared<std::string>();
    CLI::App* command = noun.add_subcommand("console", description);
    command->add_option("JOB", *id, "its id")->required();
    command->callback([&common, id] { console(common, *id); });
}
