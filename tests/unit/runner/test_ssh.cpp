#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/file.hpp>
#include <ctx/base/process.hpp>

#include "../temporary_directory.hpp"
#include "runner/guest/ssh.hpp"

using namespace std::chrono_literals;

namespace {

constexpr const char* sshd = "/usr/sbin/sshd";

void make_key(const std::filesystem::path& file)
{
    ctx::run_checked(
        {.argv = {"/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file.string()},
         .environment = {},
         .run_as = {},
         .blocked_signals = {}},
        ctx::Deadline::in(60s));
}

// A guest's sshd behind a port of loopback, which closes the first `refusals` connections, as one that is not
// up yet behind QEMU's forwarded port.
class Guest {
public:
    explicit Guest(int refusals) : refusals_(refusals)
    {
        make_key(directory / "host_key");
        make_key(directory / "key");
        std::filesystem::copy(directory / "key.pub", directory / "authorized");
        ctx::write_file(directory / "known_hosts",
                        "guest " + ctx::read_file(directory / "host_key.pub", 4096), 0644);
        ctx::write_file(directory / "sshd_config",
                        "HostKey " + (directory / "host_key").string() + "\nAuthorizedKeysFile " +
                            (directory / "authorized").string() +
                            "\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPidFile none\n",
                        0644);
        listener_ = ctx::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
        auto* raw =
            reinterpret_cast<sockaddr*>(&address); // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast)
        socklen_t length = sizeof address;
        REQUIRE(::bind(listener_.get(), raw, length) == 0);
        REQUIRE(::listen(listener_.get(), 8) == 0);
        REQUIRE(::getsockname(listener_.get(), raw, &length) == 0);
        port_ = ::ntohs(address.sin_port);
        server_ = std::thread([this] { serve(); });
    }
    Guest(const Guest&) = delete;
    Guest& operator=(const Guest&) = delete;
    Guest(Guest&&) = delete;
    Guest& operator=(Guest&&) = delete;
    ~Guest()
    {
        done_ = true;
        server_.join();
    }

    runner::SshTarget target() const
    {
        return {.address = "127.0.0.1",
                .port = port_,
                .host_alias = "guest",
                .user = "root",
                .run_as = {},
                .directory = directory.path()};
    }
    int refused() const { return refused_; }

    TemporaryDirectory directory;

private:
    void serve()
    {
        std::vector<ctx::Process> sessions; // the kernel ends them with this thread
        while (!done_) {
            pollfd waiting = {.fd = listener_.get(), .events = POLLIN, .revents = 0};
            if (::poll(&waiting, 1, 50) <= 0) continue;
            const ctx::Fd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (refused_ < refusals_) {
                ++refused_;
                continue;
            }
            sessions.emplace_back(
                ctx::ProcessSpec{.argv = {sshd, "-i", "-f", (directory / "sshd_config").string()},
                                 .environment = {},
                                 .run_as = {},
                                 .standard_input = connection.get(),
                                 .standard_output = connection.get(),
                                 .blocked_signals = {}});
        }
    }

    int refusals_;
    std::atomic<int> refused_ = 0;
    std::atomic<bool> done_ = false;
    ctx::Fd listener_;
    std::uint16_t port_ = 0;
    std::thread server_;
};

bool can_run_sshd()
{
    if (::geteuid() != 0 || ::access(sshd, X_OK) != 0) return false;
    std::error_code error;
    std::filesystem::create_directories("/run/sshd", error); // where it shuts itself in
    return !error;
}

} // namespace

TEST_CASE("a guest that refuses twice lets the user in then")
{
    if (!can_run_sshd()) {
        WARN("no sshd, or not root");
        return;
    }
    const Guest guest(2);
    runner::SignalInterruption interruption;
    const auto connection =
        runner::SshConnection::open(guest.target(), ctx::Deadline::in(120s), interruption);
    CHECK(guest.refused() == 2);
    const ctx::ProcessResult said = ctx::run(connection.session("echo here"), ctx::Deadline::in(60s));
    CHECK(said.output == "here\n");
}

TEST_CASE("a guest that refuses for ever is given up at the deadline, with ssh's words")
{
    if (!can_run_sshd()) return;
    const Guest guest(1000000);
    runner::SignalInterruption interruption;
    try {
        runner::SshConnection::open(guest.target(), ctx::Deadline::in(3s), interruption);
        FAIL("let in");
    } catch (const ctx::Error& error) {
        CHECK(error.timed_out());
        CHECK(error.problem() == "the guest does not let the job's user in");
        CHECK_FALSE(error.reason().empty());
    }
    CHECK(guest.refused() > 1);
}

TEST_CASE("another machine at the guest's address is no guest, at once")
{
    if (!can_run_sshd()) return;
    const Guest guest(0);
    make_key(guest.directory / "other");
    ctx::write_file(guest.directory / "known_hosts",
                    "guest " + ctx::read_file(guest.directory / "other.pub", 4096), 0644);
    runner::SignalInterruption interruption;
    CHECK_THROWS_WITH(runner::SshConnection::open(guest.target(), ctx::Deadline::in(120s), interruption),
                      Catch::Contains("not the guest we made"));
}
