// What kind of system a guest is, told by its files.
#pragma once

#include <string>
#include <string_view>

#include "facts/snapshot.hpp"

namespace ctx {

void read_distribution(const SnapshotTaker& look, GuestFacts& facts);
InitSystem find_init(const SnapshotTaker& look);
NetworkStack find_network(const SnapshotTaker& look);
std::string find_selinux(const SnapshotTaker& look);
// The version that sshd's own text names: "OpenSSH_9.2p1 Debian-2" → "9.2". "" if there is none.
std::string openssh_version(std::string_view program);

} // namespace ctx
