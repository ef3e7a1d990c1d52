#include "network.hpp"

#include <cerrno>
#include <memory>

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/text.hpp>

namespace runner {

using ctx::Blame;
using ctx::Error;

std::uint16_t free_port()
{
    const ctx::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (!socket || ::bind(socket.get(), generic, size) < 0 || ::getsockname(socket.get(), generic, &size) < 0)
        throw ctx::system_error("cannot find a free port", "127.0.0.1", errno);
    return ntohs(address.sin_port);
}

namespace {

struct FreeAddresses {
    void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

std::unique_ptr<addrinfo, FreeAddresses> numeric_address(const std::string& text)
{
    const std::size_t colon = text.rfind(':');
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    if (colon == std::string::npos ||
        ::getaddrinfo(text.substr(0, colon).c_str(), text.substr(colon + 1).c_str(), &hints, &list) != 0)
        throw Error(Blame::node, "not ADDRESS:PORT")
            .at("'" + ctx::printable(text) + "'")
            .mend("correct share.probe");
    return std::unique_ptr<addrinfo, FreeAddresses>(list);
}

} // namespace

void require_listener(const std::string& address_and_port, const ctx::Deadline& deadline)
{
    const auto address = numeric_address(address_and_port);
    const ctx::Fd socket(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    int error_number = 0;
    if (!socket || (::connect(socket.get(), address->ai_addr, address->ai_addrlen) < 0)) error_number = errno;
    if (error_number == EINPROGRESS) {
        pollfd connected = {.fd = socket.get(), .events = POLLOUT, .revents = 0};
        error_number = ETIMEDOUT;
        socklen_t size = sizeof error_number;
        if (::poll(&connected, 1, static_cast<int>(deadline.left().count())) > 0)
            ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error_number, &size);
    }
    if (error_number != 0)
        throw Error(Blame::node, "the share's server does not answer")
            .at(address_and_port)
            .because(ctx::errno_text(error_number))
            .mend("start the NFS server, or correct share.probe");
}

} // namespace runner
