// Something that may end a wait before its time, so that a job that is given up is removed in order.
#pragma once

#include <csignal>

#include <ctx/base/fd.hpp>

namespace runner {

// Thrown at the next wait after a signal; not an Error: nobody is to blame.
struct Interrupted {
    int signal = 0;
};

class Interruption {
public:
    Interruption() = default;
    Interruption(const Interruption&) = delete;
    Interruption& operator=(const Interruption&) = delete;
    Interruption(Interruption&&) = delete;
    Interruption& operator=(Interruption&&) = delete;
    virtual ~Interruption() = default;

    // Readable when check() would throw, for poll(2).
    virtual int fd() const noexcept = 0;
    virtual void check() = 0; // throws Interrupted
};

// SIGINT, SIGTERM and SIGHUP. While it exists they do nothing but make fd() readable. Made before any thread.
class SignalInterruption : public Interruption {
public:
    SignalInterruption();
    SignalInterruption(const SignalInterruption&) = delete;
    SignalInterruption& operator=(const SignalInterruption&) = delete;
    SignalInterruption(SignalInterruption&&) = delete;
    SignalInterruption& operator=(SignalInterruption&&) = delete;
    ~SignalInterruption() override;

    int fd() const noexcept override { return fd_.get(); }
    void check() override;

private:
    sigset_t before_{};
    ctx::Fd fd_;
};

} // namespace runner
