#include <chrono>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include <sys/socket.h>
#include <sys/un.h>

#include <catch2/catch.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>

#include "../temporary_directory.hpp"
#include "runner/guest/ready.hpp"
#include "runner/guest/ready_channel.hpp"

using namespace std::chrono_literals;

namespace {

const std::string nonce = "00112233445566778899aabbccddeeff";
const std::string ready =
    "nonce=" + nonce +
    "\nboot_id=7a4b1c0e-5a0a-4b47-9b5e-0123456789ab\naddress=10.79.0.51\nhostname=vm-1\nstage=ready\n\n";

std::string stage(const std::string& name)
{
    return "nonce=" + nonce + "\naddress=\nstages=" + name + "\nstage=" + name + "\n\n";
}

// QEMU's end of the channel.
class Guest {
public:
    Guest() : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string path = socket().string();
        REQUIRE(path.size() < sizeof address.sun_path);
        std::memcpy(static_cast<void*>(address.sun_path), path.data(), path.size());
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
        REQUIRE(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listener_.get(), 1) == 0);
    }
    std::filesystem::path socket() const { return directory_ / "ready.sock"; }

    // Waits for who listens, and, as a guest does, until all is taken. False: nobody listens any more.
    bool write(std::string_view text)
    {
        if (!connection_) connection_ = ctx::Fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        while (!text.empty()) {
            const ssize_t count = ::send(connection_.get(), text.data(), text.size(), MSG_NOSIGNAL);
            if (count <= 0) return false;
            text.remove_prefix(static_cast<std::size_t>(count));
        }
        return true;
    }
    void hang_up() { connection_ = {}; }

private:
    TemporaryDirectory directory_;
    ctx::Fd listener_;
    ctx::Fd connection_;
};

std::string seen(runner::ReadyChannel& channel)
{
    const auto report = channel.look();
    return report ? report->stage : "nothing";
}

// What is seen once all of the text has come.
std::string outcome(const std::string& text)
{
    Guest guest;
    runner::ReadyChannel channel(guest.socket(), nonce);
    CHECK(seen(channel) == "nothing");
    guest.write(text);
    return seen(channel);
}

} // namespace

TEST_CASE("of what came by the channel the latest whole report counts")
{
    CHECK(outcome("\n") == "nothing");
    CHECK(outcome(ready.substr(0, ready.size() - 1)) == "nothing");
    CHECK(outcome(ready) == "ready");
    CHECK(outcome(stage("begun") + ready) == "ready");
    CHECK(outcome(stage("begun") + ready.substr(0, ready.size() - 1)) == "begun");
    CHECK(outcome("nonsense\n\n" + stage("begun") + "nonce=ffff\nstage=failed\n\n") == "begun");
    CHECK(outcome(std::string(10000, 'x') + "\n\n" + ready) == "ready");
    CHECK(outcome("note=" + std::string(5000, 'x') + "\n" + ready) ==
          "nothing"); // larger than a report may be
}

TEST_CASE("a report that comes by and by counts when it is whole")
{
    Guest guest;
    runner::ReadyChannel channel(guest.socket(), nonce);
    CHECK(seen(channel) == "nothing");
    for (const char c : ready) {
        CHECK(seen(channel) == "nothing");
        guest.write({&c, 1});
    }
    CHECK(seen(channel) == "ready");
}

TEST_CASE("a channel that is not there yet is tried again, and one that is gone keeps what came")
{
    std::optional<Guest> guest(std::in_place);
    runner::ReadyChannel nowhere(guest->socket().parent_path() / "other", nonce);
    CHECK(seen(nowhere) == "nothing");

    runner::ReadyChannel channel(guest->socket(), nonce);
    CHECK(seen(channel) == "nothing");
    guest->write(stage("begun"));
    guest->hang_up();
    CHECK(seen(channel) == "begun");
    CHECK(seen(channel) == "begun"); // connects again
    guest->write(ready);
    CHECK(seen(channel) == "ready");
    guest.reset();
    CHECK(seen(channel) == "ready");
    CHECK(seen(channel) == "ready");
}

TEST_CASE("a guest that writes without end is heard a little at a time, and not waited for")
{
    Guest guest;
    runner::SignalInterruption interruption;
    std::thread flood([&] {
        const std::string much(1 << 20, 'x');
        while (guest.write(much)) {
        }
    });
    try {
        runner::wait_ready({.share_directory = {},
                            .channel = guest.socket(),
                            .nonce = nonce,
                            .console = "/nowhere",
                            .guest_runs = [] { return true; }},
                           ctx::Deadline::in(1s), interruption);
        FAIL("it is not ready");
    } catch (const ctx::Error& error) {
        CHECK(error.timed_out());
    }
    flood.join();
}

TEST_CASE("a guest without a share is waited for at its channel")
{
    Guest guest;
    runner::SignalInterruption interruption;
    std::thread boot([&] { guest.write(stage("begun") + ready); });
    const auto report = runner::wait_ready({.share_directory = {},
                                            .channel = guest.socket(),
                                            .nonce = nonce,
                                            .console = "/nowhere",
                                            .guest_runs = [] { return true; }},
                                           ctx::Deadline::in(60s), interruption);
    boot.join();
    CHECK(report.hostname == "vm-1");
}

TEST_CASE("a channel whose path the kernel would not take is refused before anything is made")
{
    CHECK_NOTHROW(runner::require_socket_path("/" + std::string(106, 'x')));
    CHECK_THROWS_WITH(runner::require_socket_path("/" + std::string(107, 'x')),
                      Catch::Contains("108 bytes, the kernel takes 107"));
}
