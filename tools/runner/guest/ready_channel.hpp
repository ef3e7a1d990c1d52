// A guest's reports by a port of virtio-serial, which ends at the host as a socket that QEMU listens at. A
// socket and no file: what the guest writes goes nowhere unless somebody reads it, so that it fills no disk
// of ours; and until somebody does, the guest waits with its first report.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <ctx/base/fd.hpp>

#include "report.hpp"

namespace runner {

// The channel's name in the guest; and, in the directory of disks, where it ends.
inline constexpr const char* ready_channel = "org.vmbatch.ready";
inline constexpr const char* ready_socket_name = "ready.sock";

// Throws Error (node): the kernel knows sockets by at most 107 bytes, and libvirt makes this one.
void require_socket_path(const std::filesystem::path& socket);

class ReadyChannel {
public:
    ReadyChannel(std::filesystem::path socket, std::string nonce);

    // Takes what has come, never waiting, and not more of it than a guest of good will would write. The
    // latest whole report with the nonce; reports are ended by an empty line. Nothing while there is none.
    std::optional<GuestReport> look();

private:
    void connect();
    void receive();
    void take_reports();

    std::filesystem::path socket_;
    std::string nonce_;
    ctx::Fd connection_;
    std::string unread_; // the end of what came, if it is not a whole report yet
    std::optional<GuestReport> latest_;
};

} // namespace runner
