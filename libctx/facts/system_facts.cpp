#include "facts/system_facts.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

namespace ctx {

namespace {

constexpr std::size_t short_text = 1 << 16;

bool is_there(const SnapshotTaker& look, const std::string& path)
{
    try {
        return look.tree().entry(look.tree().real_path(path)).has_value();
    } catch (const Error& error) {
        if (error.blame() != Blame::user) throw;
        return false;
    }
}

bool any_there(const SnapshotTaker& look, std::initializer_list<const char*> paths)
{
    return std::ranges::any_of(paths, [&](const char* path) { return is_there(look, path); });
}

// KEY=value or KEY="value", as os-release and SELinux' config write it.
std::string value_of(std::string_view text, std::string_view key)
{
    std::string result;
    for (const std::string& line : split(text, '\n')) {
        if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != '=') continue;
        std::string value = line.substr(key.size() + 1);
        while (!value.empty() && std::isspace(static_cast<unsigned char>(value.back())) != 0)
            value.pop_back();
        if (value.size() >= 2 && (value[0] == '"' || value[0] == '\'') && value.back() == value[0])
            value = value.substr(1, value.size() - 2);
        result = value;
    }
    return result;
}

// "CentOS release 6.10 (Final)" → "6.10"
std::string first_number(std::string_view text)
{
    const auto* const begin =
        std::ranges::find_if(text, [](unsigned char c) { return std::isdigit(c) != 0; });
    const auto* const end =
        std::find_if(begin, text.end(), [](unsigned char c) { return std::isdigit(c) == 0 && c != '.'; });
    return {begin, end};
}

std::string first_line(const std::string& text)
{
    return text.substr(0, text.find('\n'));
}

// Before os-release. The wording is the distributions'.
void read_redhat_release(const std::string& line, GuestFacts& facts)
{
    constexpr std::array<std::pair<const char*, const char*>, 7> names = {{{"Scientific Linux CERN", "slc"},
                                                                           {"Scientific Linux", "scientific"},
                                                                           {"CentOS", "centos"},
                                                                           {"Red Hat", "rhel"},
                                                                           {"Fedora", "fedora"},
                                                                           {"AlmaLinux", "almalinux"},
                                                                           {"Rocky", "rocky"}}};
    facts.pretty_name = line;
    facts.distribution = "redhat";
    facts.version = first_number(line);
    for (const auto& [words, name] : names) {
        if (!line.starts_with(words)) continue;
        facts.distribution = name;
        return;
    }
}

} // namespace

void read_distribution(const SnapshotTaker& look, GuestFacts& facts)
{
    for (const char* path : {"/etc/os-release", "/usr/lib/os-release"}) {
        const std::string text = look.text(path, short_text);
        facts.distribution = printable(value_of(text, "ID"));
        if (facts.distribution.empty()) continue;
        facts.version = printable(value_of(text, "VERSION_ID"));
        facts.pretty_name = printable(value_of(text, "PRETTY_NAME"));
        return;
    }
    const std::string red_hat = first_line(look.text("/etc/redhat-release", short_text));
    if (!red_hat.empty()) {
        read_redhat_release(printable(red_hat), facts);
        return;
    }
    const std::string debian = first_line(look.text("/etc/debian_version", short_text));
    if (debian.empty()) return;
    facts.distribution = "debian";
    facts.version = printable(debian);
    facts.pretty_name = "Debian " + facts.version;
}

InitSystem find_init(const SnapshotTaker& look)
{
    // What /sbin/init leads to decides where several are there.
    std::string init;
    try {
        init = look.tree().real_path("/sbin/init");
    } catch (const Error& error) {
        if (error.blame() != Blame::user) throw;
    }
    if (init.ends_with("/systemd")) return InitSystem::systemd;
    const bool is_plain = is_there(look, init.empty() ? "/sbin/init" : init);
    // EL6 has upstart as its /sbin/init, with its jobs in /etc/init and nearly all services in rc?.d.
    if (is_plain && any_there(look, {"/sbin/initctl", "/bin/initctl"}) &&
        any_there(look, {"/etc/init/rc.conf", "/etc/init/rc-sysinit.conf"}))
        return InitSystem::upstart;
    // An inittab alone says nothing: busybox' init has one, too.
    if (is_plain && any_there(look, {"/etc/rc.d/rc3.d", "/etc/rc3.d"})) return InitSystem::sysv;
    if (any_there(look, {"/lib/systemd/systemd", "/usr/lib/systemd/systemd"})) return InitSystem::systemd;
    return InitSystem::none;
}

NetworkStack find_network(const SnapshotTaker& look)
{
    if (any_there(look, {"/usr/sbin/netplan"})) return NetworkStack::netplan;
    // EL9's scripts folder is there, too, with a read-me alone: what reads ifcfg files decides.
    if (any_there(look, {"/etc/sysconfig/network-scripts/ifup", "/etc/sysconfig/network-scripts/ifup-eth",
                         "/usr/lib64/NetworkManager/libnm-settings-plugin-ifcfg-rh.so"}) ||
        std::ranges::any_of(look.names("/usr/lib64/NetworkManager"), [&](const std::string& version) {
            return is_there(look,
                            "/usr/lib64/NetworkManager/" + version + "/libnm-settings-plugin-ifcfg-rh.so");
        }))
        return NetworkStack::ifcfg;
    if (any_there(look, {"/usr/sbin/NetworkManager"})) return NetworkStack::network_manager;
    if (any_there(look, {"/sbin/ifup", "/usr/sbin/ifup"}) && is_there(look, "/etc/network"))
        return NetworkStack::interfaces;
    if (any_there(look, {"/lib/systemd/systemd-networkd", "/usr/lib/systemd/systemd-networkd"}))
        return NetworkStack::networkd;
    return NetworkStack::none;
}

std::string find_selinux(const SnapshotTaker& look)
{
    const std::string config = look.text("/etc/selinux/config", short_text);
    const std::string mode = value_of(config, "SELINUX");
    if (mode != "enforcing" && mode != "permissive") return "";
    const std::string policy = printable(value_of(config, "SELINUXTYPE"));
    if (policy.empty() || policy.find('/') != std::string::npos) return "";
    return is_there(look, "/etc/selinux/" + policy + "/contexts/files/file_contexts") ? policy : "";
}

std::string openssh_version(std::string_view program)
{
    // Its table of other programs' faults names many versions; its own is the highest and ends in "p1".
    constexpr std::string_view mark = "OpenSSH_";
    std::pair<int, int> best{};
    for (std::size_t at = program.find(mark); at != std::string_view::npos; at = program.find(mark, at + 1)) {
        constexpr std::size_t longest = 12;
        const std::string_view rest = program.substr(at + mark.size(), longest);
        const std::size_t end = rest.find_first_not_of("0123456789.");
        if (end == std::string_view::npos || rest[end] != 'p') continue;
        const std::vector<std::string> parts = split(rest.substr(0, end), '.');
        constexpr std::size_t digits = 3;
        if (parts.size() < 2 || parts[0].empty() || parts[0].size() > digits || parts[1].empty() ||
            parts[1].size() > digits)
            continue;
        best = std::max(best, {std::stoi(parts[0]), std::stoi(parts[1])});
    }
    if (best.first == 0) return "";
    return std::to_string(best.first) + "." + std::to_string(best.second);
}

} // namespace ctx
