// libvirt, by a helper program: one call a process, so that a call that hangs can be killed, and nothing else
// of ours needs to load libvirt. A libvirtd that is ill is mended (guard.hpp) where the configuration says
// how.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <ctx/base/deadline.hpp>
#include <ctx/base/error.hpp>

#include "../../settings/settings.hpp"
#include "../guard.hpp"

namespace runner::qemu {

enum class Outcome {
    done,
    refused,      // it may do it the next time
    guest_failed, // QEMU ended before it could run
    wrong,        // what was asked for will never be done
    unreachable,  // no connection, or it broke
    hung,         // no answer in time
};

struct Reply {
    Outcome outcome = Outcome::done;
    std::string text; // JSON, or why not
};

class Libvirt {
public:
    Libvirt(const HypervisorSettings& settings, std::filesystem::path helper,
            const std::filesystem::path& host_dir);

    // The helper's JSON. Mends libvirtd and tries again when it does not answer: for calls that can be
    // repeated. Throws Error (node).
    std::string ask(const std::vector<std::string>& words, const ctx::Deadline& deadline);

    // One call.
    Reply call(const std::vector<std::string>& words, const ctx::Deadline& deadline,
               const std::string& input = {}) const;
    // What a call of this kind may take: where libvirtd can be mended, not all that is left.
    ctx::Deadline call_limit(const ctx::Deadline& deadline) const;
    ctx::Error error(const Reply& reply, const std::string& verb) const;

    bool can_mend() const { return guard_.can_restart(); }
    std::uint64_t restarts() const { return guard_.restarts(); }
    // After a call failed: see DaemonGuard. A refusal counts as illness.
    void mend(const Reply& reply, std::uint64_t seen, const ctx::Deadline& deadline);
    // Restarts a libvirtd that has grown beyond the configured limit. One that may not be restarted again
    // goes on as it is.
    void limit_memory(const ctx::Deadline& deadline);

private:
    bool answers(const ctx::Deadline& deadline) const;
    std::uint64_t resident_memory() const; // bytes; 0 if it cannot be known

    HypervisorSettings settings_;
    std::filesystem::path helper_;
    DaemonGuard guard_;
};

} // namespace runner::qemu
