// Hardware virtualization or emulation: decided by really running a guest, once per host.
//
// That /dev/kvm is there and opens says little: some hosts start firmware in it and then hang, or stop a
// 64-bit kernel with a KVM internal error. So a tiny guest (probe/probe.S says what it proves) is run under
// KVM with a deadline, and what came of it is remembered until something it depends on changes.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <ctx/base/process.hpp>

namespace runner::qemu {

enum class Accel { kvm, tcg };

std::string_view to_string(Accel accel);

struct AccelOptions {
    std::string setting = "auto";      // hypervisor.accel: auto, kvm or tcg
    std::filesystem::path memory_file; // <state_dir>/host/accel.json
    std::filesystem::path probe_image; // share/vmbatch/accel-probe.img
    std::filesystem::path emulator = "/usr/bin/qemu-system-x86_64";
    std::filesystem::path device = "/dev/kvm";
    std::chrono::milliseconds probe_deadline = std::chrono::seconds(5);
    std::optional<ctx::Credentials> run_as; // who QEMU runs as; nobody else unless said
};

struct AccelChoice {
    Accel accel = Accel::tcg;
    std::string reason; // a sentence for the log and for `vmbatch doctor`
    bool remembered = false;
};

// "tcg" is taken at its word. "auto" is KVM where the probe guest runs in it, else emulation. "kvm" throws
// Error (node) where it does not. Never fails because the verdict cannot be remembered. Takes at most three
// times the probe's deadline: others may be probing at this moment, and then their verdict is waited for.
AccelChoice choose_accel(const AccelOptions& options);

struct Probe {
    bool passed = false;
    bool in_time = true; // false: the deadline decided, which a very busy host can bring about, too
    std::string finding; // what the guest, QEMU or KVM said
};

// Runs the probe guest once under this accelerator. However it ends, its QEMU is gone when this returns.
Probe probe_accel(Accel accel, const AccelOptions& options);

} // namespace runner::qemu
