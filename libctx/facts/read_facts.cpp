#include <algorithm>
#include <array>

#include <ctx/guest_facts.hpp>

#include "edit/resets.hpp"
#include "facts/account_files.hpp"
#include "facts/service_facts.hpp"
#include "facts/snapshot.hpp"
#include "facts/system_facts.hpp"
#include "services/plan_services.hpp"

namespace ctx {

namespace {

using What = SnapshotTaker::What;

// Each is asked for by a file below edit/.
constexpr std::array files_with_contents = {"/etc/passwd",
                                            "/etc/group",
                                            "/etc/shadow",
                                            "/etc/gshadow",
                                            "/etc/login.defs",
                                            "/etc/hostname",
                                            "/etc/hosts",
                                            "/etc/sysconfig/network",
                                            "/etc/resolv.conf",
                                            "/etc/ssh/sshd_config",
                                            "/etc/network/interfaces",
                                            "/etc/machine-id",
                                            "/etc/rc.local"};

constexpr std::array folders = {"/etc/ssh",
                                "/etc/netplan",
                                "/etc/systemd/network",
                                "/etc/sysconfig/network-scripts",
                                "/etc/NetworkManager/system-connections",
                                "/etc/network/interfaces.d",
                                "/etc/udev/rules.d"};

void take_accounts(SnapshotTaker& look, const Context& context)
{
    constexpr int depth = 3;
    look.take_tree("/etc/skel", What::contents, depth);
    for (const User& user : context.users) {
        look.take_entry(user.home);
        // A shell is a file behind links: "/bin/bash" where /bin is one.
        look.take_entry(user.shell);
    }
}

void take_targets(SnapshotTaker& look, const Context& context)
{
    for (const File& file : context.files) look.take_entry(file.path);
}

std::vector<std::string> services_of(const Context& context)
{
    std::vector<std::string> names = context.services.enable;
    names.insert(names.end(), context.services.disable.begin(), context.services.disable.end());
    names.insert(names.end(), sshd_names.begin(), sshd_names.end());
    return names;
}

} // namespace

std::string_view to_string(InitSystem init)
{
    switch (init) {
    case InitSystem::systemd: return "systemd";
    case InitSystem::upstart: return "upstart";
    case InitSystem::sysv: return "sysv";
    case InitSystem::none: break;
    }
    return "none";
}

std::string_view to_string(NetworkStack stack)
{
    switch (stack) {
    case NetworkStack::network_manager: return "network-manager";
    case NetworkStack::ifcfg: return "ifcfg";
    case NetworkStack::netplan: return "netplan";
    case NetworkStack::networkd: return "networkd";
    case NetworkStack::interfaces: return "interfaces";
    case NetworkStack::none: break;
    }
    return "none";
}

const GuestAccount* GuestFacts::user(std::string_view name) const
{
    const auto found = std::ranges::find(users, name, &GuestAccount::name);
    return found == users.end() ? nullptr : &*found;
}

const GuestAccount* GuestFacts::user(uid_t uid) const
{
    const auto found = std::ranges::find(users, uid, &GuestAccount::uid);
    return found == users.end() ? nullptr : &*found;
}

const GuestGroup* GuestFacts::group(std::string_view name) const
{
    const auto found = std::ranges::find(groups, name, &GuestGroup::name);
    return found == groups.end() ? nullptr : &*found;
}

const GuestGroup* GuestFacts::group(gid_t gid) const
{
    const auto found = std::ranges::find(groups, gid, &GuestGroup::gid);
    return found == groups.end() ? nullptr : &*found;
}

std::string_view GuestFacts::text(std::string_view path) const
{
    const auto found = files.find(path);
    return found == files.end() ? std::string_view() : std::string_view(found->second.content);
}

GuestFacts read_facts(const GuestTree& tree, const Context& context)
{
    GuestFacts facts;
    SnapshotTaker look(tree, facts);
    read_distribution(look, facts);
    facts.init = find_init(look);
    facts.network = find_network(look);
    facts.selinux_policy = find_selinux(look);
    constexpr std::size_t longest_program = 16 << 20;
    facts.sshd_version = openssh_version(look.text("/usr/sbin/sshd", longest_program));
    for (const char* path : files_with_contents) look.take(path);
    look.take_folder("/etc/ssh", What::entries);
    for (const char* path : folders) look.take_folder(path, What::contents);
    for (const char* path : {"/usr/bin/cloud-init", "/etc/cloud/cloud.cfg", "/etc/cloud"})
        look.take_entry(path);
    facts.has_cloud_init = facts.has("/usr/bin/cloud-init") || facts.has("/etc/cloud/cloud.cfg");
    facts.users = parse_passwd(facts.text("/etc/passwd"));
    facts.groups = parse_group(facts.text("/etc/group"));
    take_accounts(look, context);
    take_targets(look, context);
    for (const std::string& folder : reset_folders()) look.take_folder(folder, What::entries);
    std::vector<std::string> services = services_of(context);
    if (facts.network == NetworkStack::networkd) services.emplace_back("systemd-networkd");
    take_services(look, facts, services);
    return facts;
}

} // namespace ctx
