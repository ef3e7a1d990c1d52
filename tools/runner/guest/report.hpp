// What a guest reports of itself, by a file on its share or over its channel: hostile until it has been
// looked at.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace runner {

inline constexpr std::size_t report_limit = 4096; // bytes

struct GuestReport {
    std::string nonce;
    std::string stage; // "ready", "failed", or what it is about to do
    std::string address;
    std::string boot_id;
    std::string hostname;
    std::string reason;              // of a failure
    std::vector<std::string> stages; // all it has begun so far
};

// Lines of key=value; unknown keys are passed over. Nothing for what does not hold to the form: an address
// that is no IP address, a boot id that is no uuid, a host name that is none, a stage that we do not know,
// control characters. Before the guest is ready, only its nonce and stage count.
std::optional<GuestReport> parse_report(std::string_view text);

// The same, of the guest whose nonce this is.
std::optional<GuestReport> report_with(std::string_view text, const std::string& nonce);

// The report in the job's directory on the share, if it has the nonce: a small regular file, reached without
// following links, read without waiting (it could be a FIFO). The directory is opened anew for each look: on
// an NFS client that has it ask the server, where it would go on believing for a minute that the file is not
// there, or is the old one.
std::optional<GuestReport> read_shared_report(const std::filesystem::path& directory,
                                              const std::string& nonce);

} // namespace runner
