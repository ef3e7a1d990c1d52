// What is in an archive, looked at on the host: guests unpack it as root.
#pragma once

#include <optional>
#include <string>

namespace ctx {

struct ArchiveFault {
    std::string problem;
    std::string reason;
};

// Reads the open file to its end. A fault is what is no tar archive or ends too early, and members that would
// not stay below the archive's place: absolute ones, "..", links to such, members behind a link of the same
// archive.
std::optional<ArchiveFault> archive_fault(int fd);

} // namespace ctx
