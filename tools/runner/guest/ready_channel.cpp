#include "ready_channel.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/error.hpp>

namespace runner {

namespace {

constexpr std::size_t longest_path = sizeof(sockaddr_un::sun_path) - 1;

} // namespace

void require_socket_path(const std::filesystem::path& socket)
{
    if (socket.native().size() <= longest_path) return;
    throw ctx::Error(ctx::Blame::node, "the path of the guest's channel is too long for a socket")
        .at(socket.string())
        .because(fmt::format("it has {} bytes, the kernel takes {}", socket.native().size(), longest_path))
        .mend("use a shorter paths.state_dir, or shorter job ids");
}

ReadyChannel::ReadyChannel(std::filesystem::path socket, std::string nonce)
    : socket_(std::move(socket)), nonce_(std::move(nonce))
{
}

std::optional<GuestReport> ReadyChannel::look()
{
    if (!connection_) connect();
    if (connection_) receive();
    return latest_;
}

// A failure is nothing to tell: there may be no QEMU yet, or none any more, and who waits finds out by
// others.
void ReadyChannel::connect()
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string& path = socket_.native();
    if (path.size() > longest_path) return;
    std::memcpy(static_cast<void*>(address.sun_path), path.data(), path.size());
    ctx::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): sockets' way of inheritance
    if (fd && ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
        connection_ = std::move(fd);
}

void ReadyChannel::receive()
{
    constexpr std::size_t most_at_once = 64 << 10;
    std::array<char, report_limit> block{};
    for (std::size_t taken = 0; taken < most_at_once;) {
        const ssize_t count = ::recv(connection_.get(), block.data(), block.size(), 0);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (count <= 0) {
            connection_ = {}; // QEMU has ended, or was stopped while libvirtd makes another one
            return;
        }
        taken += static_cast<std::size_t>(count);
        unread_.append(block.data(), static_cast<std::size_t>(count));
        take_reports();
    }
}

void ReadyChannel::take_reports()
{
    constexpr std::string_view empty_line = "\n\n";
    std::size_t begin = 0;
    for (std::size_t end = unread_.find(empty_line); end != std::string::npos;
         end = unread_.find(empty_line, begin)) {
        const std::string_view text = std::string_view(unread_).substr(begin, end + 1 - begin);
        if (text.size() <= report_limit) {
            if (auto report = report_with(text, nonce_)) latest_ = std::move(report);
        }
        begin = end + empty_line.size();
    }
    unread_.erase(0, begin);
    // No report any more; but its end has to be known as one.
    if (unread_.size() > 2 * report_limit) unread_.erase(0, unread_.size() - report_limit - 1);
}

} // namespace runner
