#include "guard.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <optional>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/file.hpp>
#include <ctx/base/process.hpp>
#include <ctx/base/text.hpp>

#include "../ledger/owner.hpp"

namespace runner {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ctx::Blame;
using ctx::Deadline;
using ctx::Error;
using nlohmann::json;

namespace {

constexpr std::size_t account_limit = 1 << 20;
constexpr std::int64_t window = 3600; // seconds

// No clock that somebody sets; it begins anew with each boot.
std::int64_t seconds_since_boot()
{
    timespec now{};
    static_cast<void>(::clock_gettime(CLOCK_BOOTTIME, &now));
    return now.tv_sec;
}

// What is remembered of restarts. A file that makes no sense is one that was never written.
struct Account {
    std::uint64_t restarts = 0;
    json recent = json::array(); // of this boot's last hour

    static fs::path file(const fs::path& host_dir) { return host_dir / "hypervisor.json"; }

    static Account read(const fs::path& host_dir)
    {
        Account result;
        if (!fs::exists(file(host_dir))) return result;
        try {
            const json data = json::parse(ctx::read_file(file(host_dir), account_limit));
            data.at("restarts").get_to(result.restarts);
            const std::int64_t now = seconds_since_boot();
            for (const json& entry : data.at("recent")) {
                const auto at = entry.at("at").get<std::int64_t>();
                if (entry.at("boot_id") == host_boot_id() && at > now - window)
                    result.recent.push_back(entry);
            }
        } catch (const json::exception&) {
            return {};
        } catch (const Error&) {
            return {};
        }
        return result;
    }

    void add(const std::string& why)
    {
        ++restarts;
        recent.push_back({{"boot_id", host_boot_id()}, {"at", seconds_since_boot()}, {"why", why}});
    }

    void write(const fs::path& host_dir) const
    {
        const json data = {{"schema", 1}, {"restarts", restarts}, {"recent", recent}};
        ctx::write_file(file(host_dir), data.dump(2, ' ', false, json::error_handler_t::replace) + "\n",
                        0644);
    }
};

// Held while somebody mends; nothing if that took others until the deadline.
ctx::Fd lock(const fs::path& host_dir, const Deadline& deadline)
{
    fs::create_directories(host_dir);
    ctx::Fd fd = ctx::open_file(host_dir / "hypervisor.lock", O_RDWR | O_CREAT | O_NOFOLLOW);
    while (::flock(fd.get(), LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            throw ctx::system_error("cannot lock", (host_dir / "hypervisor.lock").string(), errno);
        if (deadline.passed()) return {};
        std::this_thread::sleep_for(50ms);
    }
    return fd;
}

std::string content(int fd)
{
    std::array<char, 2048> buffer{};
    const ssize_t count = ::pread(fd, buffer.data(), buffer.size(), 0);
    return {buffer.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
}

// Its words go to a file: a daemon that it starts would hold a pipe open.
void run_restart(const std::vector<std::string>& command, const Deadline& deadline)
{
    const ctx::Fd words(::memfd_create("restart", MFD_CLOEXEC));
    ctx::Process process({.argv = command,
                          .environment = {},
                          .run_as = {},
                          .standard_output = words.get(),
                          .standard_error = words.get(),
                          .own_session = true,
                          .blocked_signals = {}});
    const std::optional<ctx::ExitStatus> status = process.wait(deadline);
    if (status && status->success()) return;
    const auto failed = [&](const std::string& why) {
        return Error(Blame::node, "the command that restarts the hypervisor failed")
            .at(command.front())
            .because(why)
            .mend("correct hypervisor.restart");
    };
    if (!status) throw failed("it did not end in time").as_timeout();
    throw failed(fmt::format("exit {}, signal {}: {}", status->code, status->signal,
                             ctx::printable(content(words.get()), 300)));
}

} // namespace

DaemonGuard::DaemonGuard(GuardOptions options) : options_(std::move(options)) {}

std::uint64_t DaemonGuard::restarts() const
{
    return Account::read(options_.host_dir).restarts;
}

void DaemonGuard::restart(const std::string& why, const DaemonSigns& signs, const Deadline& deadline) const
{
    Account account = Account::read(options_.host_dir);
    if (account.recent.size() >= options_.at_most)
        throw Error(Blame::node, options_.daemon + " was restarted too often")
            .because(fmt::format("{} times in the last hour, and now again: {}", account.recent.size(), why))
            .mend("look at its log; hypervisor.restart_at_most is the limit");
    // A restart that is cut off may leave no daemon at all.
    constexpr auto least_time = 3s;
    if (deadline.left() < least_time)
        throw Error(Blame::node, "there is no time left to restart " + options_.daemon)
            .because(why)
            .mend("restart it, or give deadlines.start and deadlines.remove more time than "
                  "hypervisor.patience")
            .as_timeout();
    account.add(why);
    account.write(options_.host_dir);
    run_restart(options_.restart, deadline);
    while (!signs.answers(Deadline::earlier(deadline, Deadline::in(5s)))) {
        if (deadline.passed())
            throw Error(Blame::node, options_.daemon + " does not answer after it was restarted")
                .because(why)
                .mend("look at its log, and whether hypervisor.restart starts it")
                .as_timeout();
        std::this_thread::sleep_for(std::min<std::chrono::milliseconds>(100ms, deadline.left()));
    }
}

void DaemonGuard::mend(std::uint64_t seen, const std::string& why, const DaemonSigns& signs,
                       const Deadline& deadline) const
{
    const ctx::Fd held = lock(options_.host_dir, deadline);
    if (!held)
        throw Error(Blame::node, options_.daemon + " is being restarted, which takes too long")
            .because(why)
            .mend("look at its log")
            .as_timeout();
    if (restarts() != seen) return; // while we waited
    if (!signs.is_ill(deadline)) return;
    restart(why, signs, deadline);
}

} // namespace runner
