// An owned file descriptor.
#pragma once

#include <filesystem>
#include <utility>

#include <sys/types.h>

namespace ctx {

class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) noexcept : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept;
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd();

    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    int release() noexcept { return std::exchange(fd_, -1); }

private:
    int fd_ = -1;
};

// open(2) with O_CLOEXEC added. Throws Error (node).
Fd open_file(const std::filesystem::path& path, int flags, mode_t mode = 0600);

} // namespace ctx
