// A daemon that guests depend on, and that may hang, die or swell: ended and started anew by the
// administrator's command. All jobs of this host share one lock and one account of what was done:
//
//   STATE/host/hypervisor.lock   held by who mends; who waited for it finds the daemon mended
//   STATE/host/hypervisor.json   how often it was restarted, and when and why lately
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <ctx/base/deadline.hpp>

namespace runner {

struct GuardOptions {
    std::string daemon;               // its name, for messages
    std::vector<std::string> restart; // a command; empty: nothing is ever restarted
    unsigned at_most = 0;             // restarts in any hour
    std::filesystem::path host_dir;   // STATE/host; made if it is missing
};

// How the daemon is asked. Both may take until the deadline, and tell of failures by their result only.
struct DaemonSigns {
    std::function<bool(const ctx::Deadline&)> is_ill; // still, after the lock was waited for
    std::function<bool(const ctx::Deadline&)> answers;
};

class DaemonGuard {
public:
    explicit DaemonGuard(GuardOptions options);

    bool can_restart() const { return !options_.restart.empty(); }
    // How often the daemon was restarted so far: read before a call, for mend() in case the call fails.
    std::uint64_t restarts() const;
    // Makes the daemon answer again: by waiting while others restart it, or by restarting it, unless somebody
    // has since `seen` or it is no longer ill. Throws Error (node): it has been restarted too often in the
    // last hour, or does not come back until the deadline.
    void mend(std::uint64_t seen, const std::string& why, const DaemonSigns& signs,
              const ctx::Deadline& deadline) const;

private:
    void restart(const std::string& why, const DaemonSigns& signs, const ctx::Deadline& deadline) const;

    GuardOptions options_;
};

} // namespace runner
