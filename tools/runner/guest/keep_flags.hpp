// The SSH client makes what it is given non-blocking, also for whoever shares it with us (a terminal, a
// pipe).
#pragma once

#include <array>

#include <fcntl.h>

namespace runner {

// Puts the flags of our standard input, output and error back.
class KeepFlags {
public:
    KeepFlags()
    {
        for (int fd = 0; fd < 3; ++fd) flags_.at(static_cast<std::size_t>(fd)) = ::fcntl(fd, F_GETFL);
    }
    KeepFlags(const KeepFlags&) = delete;
    KeepFlags& operator=(const KeepFlags&) = delete;
    KeepFlags(KeepFlags&&) = delete;
    KeepFlags& operator=(KeepFlags&&) = delete;
    ~KeepFlags()
    {
        for (int fd = 0; fd < 3; ++fd) {
            const int flags = flags_.at(static_cast<std::size_t>(fd));
            if (flags >= 0) ::fcntl(fd, F_SETFL, flags);
        }
    }

private:
    std::array<int, 3> flags_{};
};

} // namespace runner
