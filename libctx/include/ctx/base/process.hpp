// Other programs: an argument vector, never a shell; an environment said in full; a deadline.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include <ctx/base/deadline.hpp>
#include <ctx/base/fd.hpp>

namespace ctx {

// Who a program runs as, set before exec: groups, then gid, then uid.
struct Credentials {
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;
};

struct ProcessSpec {
    std::vector<std::string> argv; // argv[0] is an absolute path
    // The whole environment, NAME=VALUE; empty stands for LANG=C.UTF-8 and Debian's root PATH.
    std::vector<std::string> environment;
    std::optional<Credentials> run_as;
    std::string working_directory = "/"; // entered as the user above
    // Descriptors to inherit as 0, 1, 2; -1 is /dev/null. run() replaces 1 and 2 by pipes of its own, and 0
    // if there is input.
    int standard_input = -1;
    int standard_output = -1;
    int standard_error = -1;
    // The program leads a session of its own, so that signals meant for us do not reach it.
    bool own_session = false;
    // Signals the program starts with blocked; none of the others are.
    std::vector<int> blocked_signals;
};

// How a program ended: by exit code, or by a signal (then `signal` is not 0).
struct ExitStatus {
    int code = 0;
    int signal = 0;
    bool success() const { return code == 0 && signal == 0; }
};

// A running child. The kernel kills it (SIGKILL) when the thread that started it ends, however that comes
// about; the destructor kills it, too.
class Process {
public:
    // Throws Error (node) when the program cannot be started.
    explicit Process(const ProcessSpec& spec);
    Process(Process&& other) noexcept;
    Process& operator=(Process&&) = delete;
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process();

    pid_t pid() const noexcept { return pid_; }
    // Readable when the child has ended, for poll(2).
    int pidfd() const noexcept { return pidfd_.get(); }
    // Nothing if it is still running when the deadline passes.
    std::optional<ExitStatus> wait(const Deadline& deadline);
    void signal(int number) const;

private:
    pid_t pid_ = -1;
    Fd pidfd_;
    std::optional<ExitStatus> status_;
};

struct ProcessResult {
    ExitStatus status;
    std::string output;
    std::string error_output;
};

// Runs a program to its end with `input` on its standard input and its output collected; each of the two
// outputs is cut off at 1 MiB. Throws Error (node): cannot start, or a timeout, after which the program is
// dead.
ProcessResult run(const ProcessSpec& spec, const Deadline& deadline, std::string_view input = {});

// The same, and a failing exit is an Error (node) with the program's own last words.
std::string run_checked(const ProcessSpec& spec, const Deadline& deadline, std::string_view input = {});

} // namespace ctx
