// SSH into a guest: OpenSSH's client, verified from the first byte, with nothing of anybody's configuration.
//
// One connection is made and kept (ControlMaster); sessions over it cost a tenth of a second even in an
// emulated guest, a connection of its own costs more than one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include <ctx/base/deadline.hpp>
#include <ctx/base/process.hpp>

#include "../lifecycle/interruption.hpp"

namespace runner {

struct SshTarget {
    std::string address;
    std::uint16_t port = 22;
    std::string host_alias; // the name in known_hosts
    std::string user;       // logs in as
    // Whom the client runs as on the host; nothing if we are that user already.
    std::optional<ctx::Credentials> run_as;
    std::filesystem::path directory; // holds key and known_hosts; the connection's socket is made in it
};

enum class Terminal { no, yes };

class SshConnection {
public:
    // Tries until the guest lets the user in: a forwarded port accepts before sshd is there, and systemd
    // refuses logins for a while after that. Throws Error: node at the deadline, remote (at once) if the
    // guest's key is not the one we made.
    static SshConnection open(const SshTarget& target, const ctx::Deadline& deadline,
                              Interruption& interruption);

    // A session over the connection; `remote_command` is a line for the user's shell in the guest. With a
    // terminal the standard input of the process must be one.
    ctx::ProcessSpec session(const std::string& remote_command, Terminal terminal = Terminal::no) const;

private:
    // The connection's socket, which its client leaves behind when it is killed.
    class SocketFile {
    public:
        explicit SocketFile(std::filesystem::path path) : path_(std::move(path)) { remove(); }
        SocketFile(SocketFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
        SocketFile& operator=(SocketFile&&) = delete;
        SocketFile(const SocketFile&) = delete;
        SocketFile& operator=(const SocketFile&) = delete;
        ~SocketFile() { remove(); }

        std::string name() const { return path_.filename().string(); }
        bool is_there() const;

    private:
        void remove() const noexcept;

        std::filesystem::path path_;
    };

    SshConnection(SshTarget target, SocketFile socket, ctx::Process master);

    SshTarget target_;
    SocketFile socket_;
    ctx::Process master_; // ends with us
};

} // namespace runner
