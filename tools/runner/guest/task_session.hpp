// A task in a guest: sent, started, signalled, and how it ended. The other side is the job shim
// (tools/job-shim), which the context puts into every guest.
#pragma once

#include <string>

#include <ctx/base/deadline.hpp>
#include <ctx/base/process.hpp>

#include "../task/task.hpp"
#include "ssh.hpp"

namespace runner {

inline constexpr const char* job_shim_place = "/usr/local/libexec/vmbatch-job-shim"; // in the guest

// Descriptors of ours that are the task's own 0, 1 and 2. With a terminal all three are it.
struct TaskStreams {
    int input = 0;
    int output = 1;
    int error_output = 2;
    Terminal terminal = Terminal::no;
};

class TaskSession {
public:
    // Puts the task into the guest. Throws Error: user if its working directory is not there, node for the
    // rest.
    static void send(const SshConnection& guest, const Task& task, const ctx::Deadline& deadline);

    // Starts a task that has been sent.
    TaskSession(const SshConnection& guest, const Task& task, const TaskStreams& streams);

    // Readable when the session has ended.
    int pidfd() const noexcept { return session_.pidfd(); }
    bool ended() { return session_.wait(ctx::Deadline::in({})).has_value(); }

    // To the task's process group in the guest. Throws Error (node) if it does not get there.
    void signal(int number, const ctx::Deadline& deadline) const;
    // The terminal has another size now.
    void resized() const;

    // After it has ended: how the task ended. Throws GuestLost if that cannot be known.
    ctx::ExitStatus result();

private:
    const SshConnection& guest_;
    std::string folder_;
    ctx::Process session_;
};

} // namespace runner
