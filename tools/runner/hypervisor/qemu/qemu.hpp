// Guests under QEMU, through libvirt.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

#include <ctx/base/deadline.hpp>

#include "../hypervisor.hpp"
#include "libvirt.hpp"

namespace runner::qemu {

class Qemu : public Hypervisor {
public:
    Qemu(const HypervisorSettings& settings, InstallPaths paths, std::filesystem::path state_dir);

    void check(const ctx::Deadline& deadline) override;
    // A libvirt that hangs, dies or refuses is tried again, mended if that can be; the guest is begun anew.
    void start(const GuestSpec& spec, const ctx::Deadline& deadline) override;
    // A guest whose process is there runs, whatever has become of libvirtd.
    bool is_running(const std::string& uuid, const ctx::Deadline& deadline) override;
    // Ends the process, too, should libvirt not know of it.
    bool destroy(const std::string& uuid, const ctx::Deadline& deadline) override;
    std::string console(const std::string& uuid, const ctx::Deadline& deadline) override;
    // libvirt's, and processes with a disk of a job of this state directory.
    std::vector<RunningGuest> list(const ctx::Deadline& deadline) override;

private:
    std::string domain_xml(const GuestSpec& spec) const;

    Libvirt libvirt_;
    std::string accel_;
    InstallPaths paths_;
    std::filesystem::path state_dir_;
    pid_t last_process_ = 0;
};

} // namespace runner::qemu
