// The process the batch system knows: it leads the job's session, takes its signals, and ends as the job
// ended. All work is done by a child in a session of its own, which a batch system that signals a session
// does not hit. (pbs_mom ends a session when its leader does, so the leader has to survive every signal that
// can be caught.)
#pragma once

#include <functional>

#include <sys/types.h>

#include <ctx/base/process.hpp>

namespace remoteshell {

struct FromLeader {
    pid_t leader = 0;
    int signals = -1; // a pipe: each signal the leader gets is one byte; several at once are one
};

// Runs `work` in the child and gives its result. If it ends without one (killed), as if by its signal.
ctx::ExitStatus lead(const std::function<ctx::ExitStatus(const FromLeader&)>& work);

// Ends this process as the job ended: its exit code, or the same signal.
[[noreturn]] void end_like(const ctx::ExitStatus& status);

} // namespace remoteshell
