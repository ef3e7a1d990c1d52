#include "interruption.hpp"

#include <cerrno>

#include <sys/signalfd.h>
#include <unistd.h>

#include <ctx/base/error.hpp>

namespace runner {

SignalInterruption::SignalInterruption()
{
    sigset_t watched;
    sigemptyset(&watched);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&watched, number);
    ::pthread_sigmask(SIG_BLOCK, &watched, &before_);
    fd_ = ctx::Fd(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd_) throw ctx::system_error("cannot watch signals", "signalfd", errno);
}

SignalInterruption::~SignalInterruption()
{
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void SignalInterruption::check()
{
    signalfd_siginfo info{};
    if (::read(fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info))
        throw Interrupted{static_cast<int>(info.ssi_signo)};
}

} // namespace runner
