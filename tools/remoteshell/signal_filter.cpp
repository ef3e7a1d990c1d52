#include "signal_filter.hpp"

#include <csignal>

namespace remoteshell {

std::vector<int> forwarded_signals()
{
    std::vector<int> result = {SIGHUP,  SIGINT,  SIGQUIT, SIGABRT, SIGALRM,   SIGTERM, SIGUSR1,
                               SIGUSR2, SIGTSTP, SIGCONT, SIGXCPU, SIGVTALRM, SIGPROF, SIGPWR};
    for (int number = SIGRTMIN; number <= SIGRTMAX; ++number) result.push_back(number);
    return result;
}

bool SignalFilter::take(int number, Clock::time_point now)
{
    constexpr auto the_same = std::chrono::milliseconds(500);
    const auto before = last_.find(number);
    if (before != last_.end() && now - before->second < the_same) return false;
    last_[number] = now;
    return true;
}

} // namespace remoteshell
