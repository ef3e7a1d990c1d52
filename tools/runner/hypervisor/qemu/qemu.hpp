// Guests under QEMU, through libvirt.
//
// libvirt is spoken to by a helper program, one call a process: a call that hangs is killed at its deadline,
// and nothing else needs to load libvirt.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <ctx/base/deadline.hpp>

#include "../hypervisor.hpp"

namespace runner::qemu {

class Qemu : public Hypervisor {
public:
    Qemu(const HypervisorSettings& settings, InstallPaths paths, std::filesystem::path state_dir);

    void check(const ctx::Deadline& deadline) override;
    void start(const GuestSpec& spec, const ctx::Deadline& deadline) override;
    bool is_running(const std::string& uuid, const ctx::Deadline& deadline) override;
    bool destroy(const std::string& uuid, const ctx::Deadline& deadline) override;
    std::vector<RunningGuest> list(const ctx::Deadline& deadline) override;

private:
    // What the helper prints, JSON.
    std::string ask(const std::vector<std::string>& words, const ctx::Deadline& deadline,
                    const std::string& input = {});

    std::string uri_;
    std::string accel_;
    InstallPaths paths_;
    std::filesystem::path state_dir_;
};

} // namespace runner::qemu
