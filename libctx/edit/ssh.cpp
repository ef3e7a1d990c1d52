// The machine's key, who may log in with which, and what sshd is told: as setup.sh does it in a guest that
// runs.
#include <string>
#include <string_view>

#include <ctx/base/text.hpp>

#include "dialects/setup_script.hpp"
#include "edit/plan_parts.hpp"

namespace ctx {

namespace {

bool is_host_key(std::string_view path)
{
    constexpr std::string_view begin = "/etc/ssh/ssh_host_";
    return path.starts_with(begin) && (path.ends_with("_key") || path.ends_with("_key.pub"));
}

// Ours alone: keys of the image are known to everybody who has it.
void plan_host_key(EditPlan& plan, const HostKey& key, const GuestFacts& facts)
{
    const std::string reason = "host key";
    for (const auto& file : facts.files)
        if (is_host_key(file.first)) add(plan, reason, edit::Remove{file.first});
    const std::string path = "/etc/ssh/ssh_host_" + host_key_type(key.public_key) + "_key";
    edit::WriteFile secret{path, key.private_key + (key.private_key.ends_with('\n') ? "" : "\n"), 0600};
    secret.secret = true;
    add(plan, reason, std::move(secret));
    add(plan, reason, edit::WriteFile{path + ".pub", key.public_key + "\n"});
}

struct Version {
    int major = 0;
    int minor = 0;
    auto operator<=>(const Version&) const = default;
};

// One that cannot be told is taken for a new one.
Version version_of(const std::string& text)
{
    const std::vector<std::string> parts = split(text, '.');
    constexpr Version unknown{99, 0};
    return parts.size() == 2 ? Version{std::stoi(parts[0]), std::stoi(parts[1])} : unknown;
}

// What sshd reads first wins, so these lines go before all others. OpenSSH before 5.9 knows one file of keys
// (and another option for a second), before 7.0 another word for "keys only".
std::string sshd_lines(const Context& context, Version version)
{
    std::string lines;
    if (context.host_key)
        lines += "HostKey /etc/ssh/ssh_host_" + host_key_type(context.host_key->public_key) + "_key\n";
    if (version < Version{5, 9})
        lines += "AuthorizedKeysFile /etc/ssh/vmbatch-keys/%u\nAuthorizedKeysFile2 .ssh/authorized_keys\n";
    else
        lines += "AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/vmbatch-keys/%u\n";
    // Says to bash that it is no login: it would read ~/.bashrc, whose words would be the job's.
    lines += "AcceptEnv SHLVL\n";
    if (keys_by_user(context).contains("root"))
        lines += version < Version{7, 0} ? "PermitRootLogin without-password\n"
                                         : "PermitRootLogin prohibit-password\n";
    return lines;
}

} // namespace

void plan_ssh(EditPlan& plan, const Context& context, const GuestFacts& facts)
{
    if (context.host_key) plan_host_key(plan, *context.host_key, facts);
    for (const auto& [user, keys] : keys_by_user(context)) {
        const std::string reason = "keys of " + user;
        // Outside the homes, which may be shared with the host and with other jobs.
        add(plan, reason, edit::MakeDirectory{"/etc/ssh/vmbatch-keys"});
        add(plan, reason, edit::WriteFile{"/etc/ssh/vmbatch-keys/" + user, join(keys, "\n") + "\n"});
    }
    const std::string config = "/etc/ssh/sshd_config";
    if (!facts.has(config)) return;
    const std::string lines = sshd_lines(context, version_of(facts.sshd_version));
    if (facts.text(config).starts_with(lines)) return; // an image prepared with them
    edit::WriteFile change{config, lines + std::string(facts.text(config))};
    change.keep_attributes = true;
    add(plan, "sshd", std::move(change));
}

} // namespace ctx
