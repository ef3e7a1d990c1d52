// Waiting for the guest to say that it is ready. What it writes is hostile until it has been looked at.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include <ctx/base/deadline.hpp>

#include "../lifecycle/interruption.hpp"
#include "report.hpp"

namespace runner {

struct ReadyWait {
    std::filesystem::path share_directory; // the job's own, on the host
    std::filesystem::path channel;         // in its place, if it is not "": the socket
    std::string nonce;                     // a report with another one is ignored
    std::filesystem::path console;         // its end is quoted when time runs out
    std::function<bool()> guest_runs;      // asked now and then: a guest that is gone will not report
};

// Throws Error: node, when the guest ends, reports a failure or is not ready at the deadline; then with what
// it had begun by then.
GuestReport wait_ready(const ReadyWait& wait, const ctx::Deadline& deadline, Interruption& interruption);

// What the guest's set-up said on the console when it gave up: a guest that cannot mount the share has no
// other way to tell. Nothing if it did not.
std::optional<std::string> console_failure(const std::filesystem::path& console);

// The last lines of a console, for a message.
std::string console_end(const std::filesystem::path& console);

} // namespace runner
