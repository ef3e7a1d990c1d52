// What a plan has to know of a guest, read from the guest's own files. They are hostile: what is too long,
// too many or no text is taken for not there.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include <ctx/context.hpp>
#include <ctx/guest_tree.hpp>

namespace ctx {

enum class InitSystem { systemd, upstart, sysv, none };

enum class NetworkStack {
    none,
    network_manager, // keyfiles: EL8 and later without ifcfg
    ifcfg,           // /etc/sysconfig/network-scripts
    netplan,
    networkd,
    interfaces, // /etc/network/interfaces: ifupdown
};

std::string_view to_string(InitSystem init);
std::string_view to_string(NetworkStack stack);

struct GuestAccount {
    std::string name;
    uid_t uid = 0;
    gid_t gid = 0;
    std::string home;
    std::string shell;
};

struct GuestGroup {
    std::string name;
    gid_t gid = 0;
    std::vector<std::string> members;
};

struct GuestFacts {
    // Of os-release or, before there was one, of redhat-release and debian_version: "debian" "12",
    // "centos" "6.10". Empty if unknown.
    std::string distribution;
    std::string version;
    std::string pretty_name;

    InitSystem init = InitSystem::none;
    NetworkStack network = NetworkStack::none;
    bool has_cloud_init = false;
    std::string selinux_policy; // "targeted"; "" if there is none or it is off
    std::string sshd_version;   // "9.2" if it can be told

    std::vector<GuestAccount> users;
    std::vector<GuestGroup> groups;

    // The files and links that plans change or decide by, at their names as looked for: a link's content is
    // what it leads to, as far as that was a file within bounds.
    struct Snapshot {
        GuestEntry entry;    // a last link not followed
        std::string content; // of a file
    };
    std::map<std::string, Snapshot, std::less<>> files;

    const GuestAccount* user(std::string_view name) const;
    const GuestAccount* user(uid_t uid) const;
    const GuestGroup* group(std::string_view name) const;
    const GuestGroup* group(gid_t gid) const;
    // The content at this path, "" if there is none.
    std::string_view text(std::string_view path) const;
    bool has(std::string_view path) const { return files.contains(path); }
};

// Reads what the plan of this context needs: the context says which services and folders to look at.
GuestFacts read_facts(const GuestTree& tree, const Context& context);

} // namespace ctx
