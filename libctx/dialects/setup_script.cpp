#include "dialects/setup_script.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include <ctx/base/text.hpp>

#include "dialects/guest_scripts.hpp"
#include "dialects/mount_above.hpp"

namespace ctx {

namespace {

// Lines of shell that call the functions of setup.sh. Every argument is one quoted word: whatever a job's
// user wrote stays data.
class Steps {
public:
    void call(std::string_view function, const std::vector<std::string>& arguments = {})
    {
        text_ += function;
        for (const std::string& argument : arguments) text_ += " " + shell_quote(argument);
        text_ += '\n';
    }
    std::string take() { return std::move(text_); }

private:
    std::string text_;
};

std::string octal(mode_t mode)
{
    return fmt::format("{:04o}", mode);
}

std::vector<std::string> commands(const Context& context, Command::When when)
{
    std::vector<std::string> texts;
    for (const Command& command : context.commands) {
        if (command.when == when) texts.push_back(command.run);
    }
    return texts;
}

void early_commands(Steps& steps, const std::vector<std::string>& texts)
{
    if (texts.empty()) return;
    steps.call("begin_early");
    for (std::size_t i = 0; i < texts.size(); ++i)
        steps.call("early_command", {fmt::format("{}", i + 1), texts[i]});
    steps.call("end_early");
}

void late_commands(Steps& steps, const std::vector<std::string>& texts)
{
    for (std::size_t i = 0; i < texts.size(); ++i)
        steps.call("run_command", {"late", fmt::format("{}", i + 1), texts[i]});
}

// Numbers, where the context knows them: a report may have to be written before the account is made.
void report_to(Steps& steps, const Context& context)
{
    if (!context.ready || !context.ready->channel.empty()) return;
    std::string uid = context.ready->user;
    std::string gid = context.ready->user;
    for (const User& user : context.users) {
        if (user.name != context.ready->user) continue;
        uid = fmt::format("{}", user.uid);
        gid = fmt::format("{}", user.group.gid);
    }
    steps.call("report_to", {context.ready->path, context.ready->nonce, context.ready->user, uid, gid});
}

// What is begun now. The host knows the names: tools/runner/guest/report.cpp.
void stage(Steps& steps, const Context& context, const char* name)
{
    if (context.ready) steps.call("stage", {name});
}

void host_key(Steps& steps, const Context& context)
{
    if (context.host_key)
        steps.call("install_host_key", {host_key_type(context.host_key->public_key)});
    else
        steps.call("ensure_host_key");
}

void mount(Steps& steps, const Mount& mount)
{
    steps.call("mount_there", {mount.source, mount.target, mount.type, mount.options});
}

void accounts(Steps& steps, const Context& context)
{
    for (const User& user : context.users) {
        if (user.uid == 0) continue;
        steps.call("add_group", {user.group.name, fmt::format("{}", user.group.gid)});
        std::vector<std::string> further;
        for (const Group& group : user.groups) {
            if (group.gid == user.group.gid) continue;
            steps.call("add_group", {group.name, fmt::format("{}", group.gid)});
            further.push_back(fmt::format("{}", group.gid));
        }
        steps.call("add_user", {user.name, fmt::format("{}", user.uid), fmt::format("{}", user.group.gid),
                                user.home, user.shell, join(further, ",")});
    }
    const auto keys = keys_by_user(context);
    for (const auto& entry : keys) steps.call("install_keys", {entry.first});
    steps.call("configure_sshd", {keys.contains("root") ? "keys" : ""});
}

// Homes on a mount could not be made on the disk.
void mounted_homes(Steps& steps, const Context& context)
{
    for (const User& user : context.users)
        if (user.uid != 0 && mount_above(context, user.home) != nullptr)
            steps.call("make_home", {user.name, fmt::format("{}", user.uid),
                                     fmt::format("{}", user.group.gid), user.home});
}

void contents(Steps& steps, const Context& context)
{
    for (const Directory& directory : context.directories)
        steps.call("make_directory",
                   {directory.path, octal(directory.mode), directory.owner.user, directory.owner.group});
    for (std::size_t i = 0; i < context.archives.size(); ++i) {
        const Archive& archive = context.archives[i];
        std::vector<std::string> arguments = {payload_number(i), archive.to};
        if (archive.owner) arguments.insert(arguments.end(), {archive.owner->user, archive.owner->group});
        steps.call("unpack_archive", arguments);
    }
    // After the archives: a single file may replace a member.
    for (std::size_t i = 0; i < context.files.size(); ++i) {
        const File& file = context.files[i];
        steps.call("install_file",
                   {payload_number(i), file.path, octal(file.mode), file.owner.user, file.owner.group});
    }
}

} // namespace

std::string host_key_type(const std::string& public_key)
{
    const std::string type = public_key.substr(0, public_key.find(' '));
    if (type.starts_with("ecdsa")) return "ecdsa";
    return type.starts_with("ssh-") ? type.substr(4) : type;
}

std::string payload_number(std::size_t index)
{
    return fmt::format("{:04}", index + 1);
}

std::map<std::string, std::vector<std::string>> keys_by_user(const Context& context)
{
    std::map<std::string, std::vector<std::string>> keys;
    if (!context.root_ssh_keys.empty()) keys["root"] = context.root_ssh_keys;
    for (const User& user : context.users) {
        if (user.ssh_keys.empty()) continue;
        std::vector<std::string>& list = keys[user.name];
        list.insert(list.end(), user.ssh_keys.begin(), user.ssh_keys.end());
    }
    return keys;
}

std::string setup_script(const Context& context)
{
    Steps steps;
    // A channel is there from the first moment on.
    if (context.ready && !context.ready->channel.empty()) {
        steps.call("report_by_channel", {context.ready->channel, context.ready->nonce});
        stage(steps, context, "begun");
    }
    const std::vector<std::string> early = commands(context, Command::When::early);
    early_commands(steps, early);
    if (!context.hostname.empty()) steps.call("set_hostname", {context.hostname});
    host_key(steps, context);
    // The share first: from here on a failure can be reported. Homes may lie on the other mounts.
    if (context.share) mount(steps, *context.share);
    report_to(steps, context);
    if (context.share) stage(steps, context, "share");
    if (!early.empty()) steps.call("require_early");
    if (!context.mounts.empty()) stage(steps, context, "mounts");
    for (const Mount& entry : context.mounts) mount(steps, entry);
    stage(steps, context, "accounts");
    accounts(steps, context);
    stage(steps, context, "files");
    contents(steps, context);
    if (!context.services.disable.empty() || !context.services.enable.empty())
        stage(steps, context, "services");
    if (!context.environment.empty()) steps.call("install_environment");
    for (const std::string& service : context.services.disable) steps.call("disable_service", {service});
    for (const std::string& service : context.services.enable) steps.call("enable_service", {service});
    const std::vector<std::string> late = commands(context, Command::When::late);
    if (!late.empty()) stage(steps, context, "commands");
    late_commands(steps, late);
    steps.call("finish");
    return fmt::format("#!/bin/sh\n{}{}", setup_functions, steps.take());
}

std::string boot_script(const Context& context, bool make_host_key)
{
    Steps steps;
    const std::vector<std::string> early = commands(context, Command::When::early);
    early_commands(steps, early);
    if (make_host_key) steps.call("ensure_host_key");
    if (context.share) mount(steps, *context.share);
    report_to(steps, context);
    if (!early.empty()) steps.call("require_early");
    for (const Mount& entry : context.mounts) mount(steps, entry);
    mounted_homes(steps, context);
    late_commands(steps, commands(context, Command::When::late));
    steps.call("finish");
    return fmt::format("#!/bin/sh\n{}{}", setup_functions, steps.take());
}

} // namespace ctx
