// SIGINT, SIGTERM and SIGHUP as something a wait can see, so that an interrupted job is removed in order.
#pragma once

#include <csignal>
#include <optional>

#include <ctx/base/fd.hpp>

namespace runner {

// Thrown at the next wait after a signal; not an Error: nobody is to blame.
struct Interrupted {
    int signal = 0;
};

// While it exists the three signals do nothing but make fd() readable. Made before any thread.
class Interruption {
public:
    Interruption();
    Interruption(const Interruption&) = delete;
    Interruption& operator=(const Interruption&) = delete;
    Interruption(Interruption&&) = delete;
    Interruption& operator=(Interruption&&) = delete;
    ~Interruption();

    int fd() const noexcept { return fd_.get(); }
    void check(); // throws Interrupted

private:
    sigset_t before_{};
    ctx::Fd fd_;
};

} // namespace runner
