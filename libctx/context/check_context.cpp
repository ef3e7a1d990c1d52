#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/names.hpp>
#include <ctx/base/text.hpp>
#include <ctx/context.hpp>

#include "context/rules.hpp"

namespace ctx {

namespace {

[[noreturn]] void refuse(std::string problem, std::string place)
{
    throw Error(Blame::user, std::move(problem)).at(std::move(place));
}

void require(const Problem& problem, const std::string& place)
{
    if (problem) refuse(*problem, place);
}

void check_id(std::uint32_t id, const std::string& place)
{
    // (uid_t)-1 stands for "no change" in chown(2), 65534 for nobody.
    if (id == ~std::uint32_t{0}) refuse(fmt::format("{} is no id", id), place);
}

void check_owner(const Owner& owner, const std::string& place)
{
    require(wrong_owner_name(owner.user), place);
    require(wrong_owner_name(owner.group), place);
}

void check_mode(mode_t mode, const std::string& place)
{
    if (mode > 07777) refuse(fmt::format("{:o} is no mode", mode), place);
}

// One name, one number, both ways.
class Names {
public:
    explicit Names(std::string_view what) : what_(what) {}

    void add(const std::string& name, std::uint32_t id, const std::string& place)
    {
        const auto by_name = ids_.emplace(name, id).first;
        if (by_name->second != id)
            refuse(fmt::format("the {} '{}' has two numbers, {} and {}", what_, name, by_name->second, id),
                   place);
        const auto by_id = names_.emplace(id, name).first;
        if (by_id->second != name)
            refuse(fmt::format("'{}' and '{}' have the same {} number {}", by_id->second, name, what_, id),
                   place);
    }

private:
    std::string what_;
    std::map<std::string, std::uint32_t> ids_;
    std::map<std::uint32_t, std::string> names_;
};

void check_keys(const std::vector<std::string>& keys, const std::string& place)
{
    for (const std::string& key : keys) require(wrong_ssh_key(key), place);
}

void check_group(const Group& group, Names& groups, const std::string& place)
{
    require(wrong_user_name(group.name), place);
    check_id(group.gid, place);
    groups.add(group.name, group.gid, place);
}

void check_users(const std::vector<User>& users)
{
    Names groups("group");
    Names names("user");
    std::set<std::string> seen;
    for (const User& user : users) {
        const std::string place = fmt::format("user '{}'", printable(user.name));
        require(wrong_user_name(user.name), place);
        if (!seen.insert(user.name).second) refuse("the user is there twice", place);
        check_id(user.uid, place);
        names.add(user.name, user.uid, place);
        if ((user.uid == 0) != (user.name == "root")) refuse("uid 0 is root's, and root's alone", place);
        check_keys(user.ssh_keys, place);
        if (user.uid == 0) continue; // named for its keys only
        check_group(user.group, groups, place);
        for (const Group& group : user.groups) check_group(group, groups, place);
        require(wrong_guest_path(user.home), place);
        require(wrong_guest_path(user.shell), place);
    }
}

void check_files(const Context& context)
{
    std::set<std::string> paths;
    for (const Directory& directory : context.directories) {
        const std::string place = fmt::format("directory '{}'", printable(directory.path));
        require(wrong_guest_path(directory.path), place);
        check_mode(directory.mode, place);
        check_owner(directory.owner, place);
        if (!paths.insert(directory.path).second) refuse("the path is asked for twice", place);
    }
    for (const File& file : context.files) {
        const std::string place = fmt::format("file '{}'", printable(file.path));
        require(wrong_guest_path(file.path), place);
        if (file.path == "/") refuse("'/' is no file", place);
        check_mode(file.mode, place);
        check_owner(file.owner, place);
        if (file.content.has_value() == file.source.has_value())
            refuse("a file has either 'content' or 'source'", place);
        if (file.source) require(wrong_source(*file.source), place);
        if (!paths.insert(file.path).second) refuse("the path is asked for twice", place);
    }
    for (const Archive& archive : context.archives) {
        const std::string place = fmt::format("archive '{}'", printable(archive.source.string()));
        require(wrong_guest_path(archive.to), place);
        require(wrong_source(archive.source), place);
        if (!archive.owner) continue;
        check_owner(*archive.owner, place);
        if (archive.to == "/") refuse("an archive unpacked over '/' keeps its own owners", place);
    }
}

void check_services(const Services& services)
{
    for (const auto* list : {&services.enable, &services.disable}) {
        for (const std::string& service : *list) require(wrong_service_name(service), "services");
    }
    for (const std::string& service : services.enable) {
        if (std::ranges::find(services.disable, service) != services.disable.end())
            refuse(fmt::format("'{}' is both enabled and disabled", service), "services");
    }
}

void check_network(const Network& network)
{
    if (!network.fixed) return;
    require(wrong_mac(network.fixed->mac), "network");
    require(wrong_ipv4_network(network.fixed->address), "network");
    if (!network.fixed->gateway.empty()) require(wrong_ipv4(network.fixed->gateway), "network");
    for (const std::string& server : network.fixed->dns) require(wrong_ipv4(server), "network");
}

void check_mount(const Mount& mount, std::set<std::string>& targets)
{
    const std::string place = fmt::format("mount '{}'", printable(mount.target));
    require(wrong_mount_source(mount.source), place);
    require(wrong_mount_point(mount.target), place);
    require(wrong_mount_type(mount.type), place);
    require(wrong_mount_options(mount.options), place);
    if (!targets.insert(mount.target).second) refuse("two file systems are to be mounted on one path", place);
}

void check_mounts(const Context& context)
{
    std::set<std::string> targets;
    if (context.share) check_mount(*context.share, targets);
    for (const Mount& mount : context.mounts) check_mount(mount, targets);
}

void check_cernvm(const CernVm& cernvm)
{
    for (const auto* list : {&cernvm.organisations, &cernvm.repositories}) {
        for (const std::string& name : *list) require(wrong_cernvm_name(name), "cernvm");
    }
    require(wrong_cernvm_proxy(cernvm.proxy), "cernvm.proxy");
    for (const auto& [section, keys] : cernvm.amiconfig) {
        require(wrong_amiconfig_name(section), "cernvm.amiconfig");
        for (const auto& [key, value] : keys) {
            const std::string place = fmt::format("cernvm.amiconfig.{}.{}", section, printable(key));
            require(wrong_amiconfig_name(key), place);
            require(unwanted_amiconfig_key(section, key), place);
            require(wrong_amiconfig_value(value), place);
        }
    }
    for (const auto& [key, value] : cernvm.bootloader) {
        require(wrong_environment_name(key), "cernvm.ucernvm");
        require(wrong_bootloader_value(value), "cernvm.ucernvm." + key);
    }
}

void check_host_key(const HostKey& key)
{
    if (key.private_key.find("PRIVATE KEY-----") == std::string::npos)
        refuse("the private host key is not in OpenSSH's format", "host key");
    require(wrong_ssh_key(key.public_key), "host key");
    if (!key.public_key.starts_with("ssh-") && !key.public_key.starts_with("ecdsa-"))
        refuse("the public host key does not begin with its type", "host key");
}

void check_ready(const ReadyReport& ready, const std::optional<Mount>& share)
{
    if (ready.nonce.size() != 32 || ready.nonce.find_first_not_of("0123456789abcdef") != std::string::npos)
        refuse("the nonce is not 32 hexadecimal digits", "ready report");
    require(wrong_user_name(ready.user), "ready report");
    if (!ready.channel.empty()) {
        if (!is_plain_name(ready.channel))
            refuse(fmt::format("'{}' is no name of a port", printable(ready.channel)), "ready report");
        return;
    }
    require(wrong_mount_point(ready.path), "ready report");
    if (!share || !ready.path.starts_with(share->target + "/"))
        refuse(fmt::format("{} does not lie in the share", printable(ready.path)), "ready report");
}

} // namespace

void check_context(const Context& context)
{
    if (!context.hostname.empty()) require(wrong_host_name(context.hostname), "guest.hostname");
    if (!context.instance_id.empty()) require(wrong_instance_id(context.instance_id), "instance id");
    check_keys(context.root_ssh_keys, "root.ssh_keys");
    check_users(context.users);
    check_files(context);
    check_services(context.services);
    check_network(context.network);
    check_mounts(context);
    for (const Command& command : context.commands) {
        if (command.run.find_first_not_of(" \t\n") == std::string::npos)
            refuse("a command is empty", "command");
        require(wrong_text(command.run), "command");
    }
    for (const auto& [name, value] : context.environment) {
        const std::string place = fmt::format("environment variable '{}'", printable(name));
        require(wrong_environment_name(name), place);
        require(wrong_text(value), place);
    }
    check_cernvm(context.cernvm);
    if (context.host_key) check_host_key(*context.host_key);
    if (context.ready) check_ready(*context.ready, context.share);
}

} // namespace ctx
