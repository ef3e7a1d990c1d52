// Waiting for the guest to say that it is ready. What it writes is hostile until it has been looked at.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <ctx/base/deadline.hpp>

#include "../lifecycle/interruption.hpp"

namespace runner {

struct GuestReport {
    std::string nonce;
    std::string stage; // "ready" or "failed"
    std::string address;
    std::string boot_id;
    std::string hostname;
    std::string reason; // of a failure
};

// Lines of key=value; unknown keys are passed over. Nothing for what does not hold to the form: an address
// that is no IP address, a boot id that is no uuid, a host name that is none, control characters.
std::optional<GuestReport> parse_report(std::string_view text);

struct ReadyWait {
    std::filesystem::path share_directory;
    std::string nonce;                // a report with another one is ignored
    std::filesystem::path console;    // its end is quoted when time runs out
    std::function<bool()> guest_runs; // asked now and then: a guest that is gone will not report
};

// Throws Error: node, when the guest ends, reports a failure or says nothing until the deadline.
GuestReport wait_ready(const ReadyWait& wait, const ctx::Deadline& deadline, Interruption& interruption);

// What the guest's set-up said on the console when it gave up: a guest that cannot mount the share has no
// other way to tell. Nothing if it did not.
std::optional<std::string> console_failure(const std::filesystem::path& console);

// The last lines of a console, for a message.
std::string console_end(const std::filesystem::path& console);

} // namespace runner
