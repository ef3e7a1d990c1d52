// Which signals go on to the job, and which are the same one seen again. Pure.
#pragma once

#include <chrono>
#include <map>
#include <vector>

namespace remoteshell {

// Those that can be caught and mean something to a job. Without SIGWINCH, which is the terminal's.
std::vector<int> forwarded_signals();

// A batch system signals all processes it finds, some of them by more than one way, within milliseconds: to
// the job it is one signal.
class SignalFilter {
public:
    using Clock = std::chrono::steady_clock;
    // Whether it is a new one.
    bool take(int number, Clock::time_point now);

private:
    std::map<int, Clock::time_point> last_;
};

} // namespace remoteshell
