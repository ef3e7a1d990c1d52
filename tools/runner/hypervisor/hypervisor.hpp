// One way of running guests, behind the smallest interface a job needs. A new one is a new folder beside
// qemu/ and a line in hypervisor.cpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <sys/types.h>

#include <ctx/base/deadline.hpp>

#include "../install_paths.hpp"

namespace runner {

struct HypervisorSettings;

struct BridgeInterface {
    std::string bridge;
    std::string mac;
};
// QEMU's user network with 127.0.0.1:port of the host forwarded to the guest's port 22.
struct ForwardedInterface {
    std::uint16_t port = 0;
    std::string mac;
};
using GuestInterface = std::variant<BridgeInterface, ForwardedInterface>;

// Written into the domain as metadata, so that a guest tells whose it is even when its ledger is lost.
struct JobTag {
    std::string job_id;
    std::string nonce;
    std::string state_dir;
};

// All that is needed to start a guest. Every file exists and belongs to `uid`; nothing here is made or
// removed by the hypervisor.
struct GuestSpec {
    std::string name;
    std::string uuid;
    JobTag tag;
    unsigned vcpus = 1;
    std::uint64_t memory = 0; // bytes
    std::filesystem::path domain_template;
    std::filesystem::path overlay; // qcow2, on `base`
    std::filesystem::path base;
    std::string base_format; // "raw" or "qcow2"
    std::filesystem::path disc;
    std::string disc_drive = "hda"; // hda…: IDE; sda…: virtio-scsi; vdb…: a virtio disk
    bool disc_is_cd = true;         // where the bus knows CDs; else a disk
    std::filesystem::path console;  // receives what the guest writes to its first serial port
    std::filesystem::path channel;  // the socket that leads to its port org.vmbatch.ready; "": it has none
    GuestInterface interface;
    uid_t uid = 0; // whom the guest's process runs as
    gid_t gid = 0;
};

struct RunningGuest {
    std::string uuid;
    std::string name;
    JobTag tag;
};

class Hypervisor {
public:
    Hypervisor() = default;
    Hypervisor(const Hypervisor&) = delete;
    Hypervisor& operator=(const Hypervisor&) = delete;
    Hypervisor(Hypervisor&&) = delete;
    Hypervisor& operator=(Hypervisor&&) = delete;
    virtual ~Hypervisor() = default;

    // Every call throws Error (node), a timeout at the deadline at the latest.

    // Answers? Called before anything is made for a job.
    virtual void check(const ctx::Deadline& deadline) = 0;
    virtual void start(const GuestSpec& spec, const ctx::Deadline& deadline) = 0;
    virtual bool is_running(const std::string& uuid, const ctx::Deadline& deadline) = 0;
    // Whether there was such a guest; when it returns there is none.
    virtual bool destroy(const std::string& uuid, const ctx::Deadline& deadline) = 0;
    // The terminal that leads to the guest's first serial port; "" if there is no such guest, or none to it.
    virtual std::string console(const std::string& uuid, const ctx::Deadline& deadline) = 0;
    // The guests that carry a JobTag.
    virtual std::vector<RunningGuest> list(const ctx::Deadline& deadline) = 0;
};

std::vector<std::string> hypervisor_names();

// `state_dir` holds what is remembered of this host. Throws Error (node).
std::unique_ptr<Hypervisor> make_hypervisor(std::string_view name, const HypervisorSettings& settings,
                                            const InstallPaths& paths,
                                            const std::filesystem::path& state_dir);

} // namespace runner
