// The admin's configuration: one TOML file, read strictly, and where each value came from.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <ctx/context.hpp>
#include <ctx/dialect.hpp>
#include <ctx/disc_format.hpp>

#include "../install_paths.hpp"
#include "image_settings.hpp"

namespace runner {

// How a guest reaches the network.
struct BridgeNetwork {
    std::string bridge; // an existing bridge of the host; the guest asks for an address by DHCP there
};
struct UserNetwork {}; // QEMU's own: the host's loopback is 10.0.2.2, SSH comes in through a forwarded port
using GuestNetwork = std::variant<BridgeNetwork, UserNetwork>;

struct Profile {
    std::string name;
    std::string image;
    std::string hypervisor;
    std::string method;
    ctx::Dialect dialect = ctx::Dialect::nocloud;
    std::string disc_drive; // where the guest finds its context disc
    ctx::DiscFormat disc_format = ctx::DiscFormat::iso;
    std::string domain_template; // a file of the templates folder, or an absolute path
    unsigned vcpus_default = 1;
    unsigned vcpus_max = 1;
    std::uint64_t memory_default = 0; // bytes
    std::uint64_t memory_max = 0;
    bool create_workdir = false;
    GuestNetwork network;
    bool reports_by_channel = false;         // else by the share
    std::optional<std::string> share_source; // where this profile's guests find the share, if elsewhere
    std::optional<std::filesystem::path> context_file;
    std::vector<ctx::Mount> mounts;
    std::map<std::string, std::string> environment;
};

// Each phase has its own limit, so that a message can say which wait was too long.
struct PhaseLimits {
    std::chrono::milliseconds fetch{};
    std::chrono::milliseconds prepare{};
    std::chrono::milliseconds start{};
    std::chrono::milliseconds ready{};
    std::chrono::milliseconds connect{};
    std::chrono::milliseconds remove{};
};

// The host's side of the share, and how guests mount it.
struct ShareSettings {
    std::filesystem::path directory; // on the host: one unlistable folder, one directory a job in it
    std::string source;              // in the guest: "10.79.0.1:/vmbatch"
    std::string mount;               // in the guest: where
    std::string type;
    std::string options;
    std::string probe;     // "HOST:PORT" that must accept a connection before a guest is made; "" = none
    uid_t anonymous_uid{}; // whom the server takes the guest's root for
    gid_t anonymous_gid{};
};

struct HypervisorSettings {
    std::string uri;
    std::string accel; // auto, kvm, tcg
    std::string qemu_user;
    std::vector<std::string> restart;     // the command that ends libvirtd and starts it; empty: none
    unsigned restart_at_most = 0;         // in any hour
    std::uint64_t memory_limit = 0;       // bytes libvirtd may have; 0: any
    std::filesystem::path pid_file;       // libvirtd's, which it holds a lock on
    std::chrono::milliseconds patience{}; // how long a call may take where libvirtd can be restarted
};

// Where events are written down (journal.hpp), besides what programs say.
struct LogSettings {
    std::filesystem::path file; // "": none
    bool syslog = false;
};

// A queue of Torque, a partition of Slurm.
struct Queue {
    // What its jobs may run in; the first is what they get unless they ask. Empty: they get no guest.
    std::vector<std::string> profiles;
};

// What the hooks of a batch system need to know of it.
struct TorqueSettings {
    std::chrono::milliseconds prologalarm{}; // as in mom's configuration: both hooks are killed 10 s earlier
};
struct SlurmSettings {
    std::chrono::milliseconds prolog_timeout{}; // at most slurm.conf's PrologEpilogTimeout
    std::filesystem::path commands;             // where scontrol and squeue are
};

struct SettingOrigin {
    std::string key;
    std::string value;
    std::string origin; // "FILE:LINE", "default", "--cache-dir", "VMBATCH_CACHE_DIR"
};

struct Settings {
    std::string file;
    std::filesystem::path cache_dir;
    std::filesystem::path state_dir;
    HypervisorSettings hypervisor;
    ShareSettings share;
    ImageSettings images;
    PhaseLimits limits;
    std::string default_profile;
    std::map<std::string, Profile> profiles;
    std::map<std::string, Queue> queues;
    TorqueSettings torque;
    SlurmSettings slurm;
    LogSettings log;
    std::vector<SettingOrigin> origins;

    // Throws Error (user) with the nearest name.
    const Profile& profile(const std::string& name) const;
};

// What the command line and the environment put in the place of the file's values: key → (value, origin).
struct Override {
    std::string value;
    std::string origin;
};
using Overrides = std::map<std::string, Override>;

// Throws Error (node): FILE:LINE, the key, what is allowed, the nearest known key.
Settings read_settings(const std::string& file, const Overrides& overrides = {});
Settings parse_settings(std::string_view text, const std::string& name, const Overrides& overrides = {});

// The files the configuration names are there and good: templates, context files. Throws Error (node).
void check_settings(const Settings& settings, const InstallPaths& paths);

// The domain template a profile uses: a file of our own templates, or the admin's absolute path. Throws Error
// (node) if it is not there.
std::filesystem::path domain_template(const Profile& profile, const InstallPaths& paths);

} // namespace runner
