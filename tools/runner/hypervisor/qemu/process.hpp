// Guests as the kernel sees them: QEMU processes, whether libvirt knows of them or not.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include <ctx/base/deadline.hpp>

namespace runner::qemu {

struct QemuProcess {
    pid_t pid = 0;
    std::string uuid;
    std::string name;   // of the domain
    std::string job_id; // whose overlay it has; "" if it has none of this state directory
};

// What a command line (words ended by NUL, as in /proc/PID/cmdline) says of the guest it runs; nothing if it
// is none of libvirt's QEMUs.
std::optional<QemuProcess> read_command_line(std::string_view command_line,
                                             const std::filesystem::path& state_dir);

std::vector<QemuProcess> qemu_processes(const std::filesystem::path& state_dir);

// Whether a process runs the guest of this uuid. `known` is where it was last seen, to be looked at first; it
// is kept up to date.
bool has_process(const std::string& uuid, pid_t& known);

// Kills what runs the guest and waits until it is gone; whether there was anything. Throws Error (node) if it
// does not go until the deadline.
bool end_process(const std::string& uuid, const ctx::Deadline& deadline);

} // namespace runner::qemu
