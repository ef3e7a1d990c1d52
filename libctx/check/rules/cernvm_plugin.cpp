// [cernvm] (amiconfig: plugins/cernvm.py). It takes its keys in an order of its own, environment and users
// near the end; what it cannot take apart ends it there. That it ends with an exception in any case says
// nothing.
#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>

#include <ctx/base/text.hpp>

#include "check/rules/rules.hpp"
#include "check/userdata/lines.hpp"

namespace ctx::check {

namespace {

using Keys = std::map<std::string, std::string>;

// In the plugin's order. Those from `environment` on are lost when it ends there.
constexpr std::array<std::string_view, 19> first_keys = {"group_profile",
                                                         "entitlement_key",
                                                         "contextualization_key",
                                                         "contextualization_command",
                                                         "organisations",
                                                         "repositories",
                                                         "extra_repositories",
                                                         "screenres",
                                                         "startxdm",
                                                         "edition",
                                                         "keyboard",
                                                         "griduiversion",
                                                         "proxy",
                                                         "services",
                                                         "shell",
                                                         "auto_login",
                                                         "swap_size",
                                                         "desktop_icons",
                                                         "config_url"};
constexpr std::array<std::string_view, 11> last_keys = {
    "environment",   "users",      "x509-user",         "x509-cert-file",    "x509-cert", "eos-user",
    "eos-x509-cert", "eos-server", "eos-readaheadsize", "eos-readcachesize", "x509-proxy"};

bool is_key(std::string_view key)
{
    return std::ranges::find(first_keys, key) != first_keys.end() ||
           std::ranges::find(last_keys, key) != last_keys.end();
}

// False if the plugin ends there.
bool check_environment(Hearing& hearing, const std::string& value)
{
    std::vector<std::string> names;
    for (const std::string& entry : split(value, ',')) {
        if (std::ranges::count(entry, '=') != 1) {
            hearing.find(
                "environment-aborts", Severity::error, "[cernvm] environment",
                fmt::format("'{}' is not one NAME=value: the plugin ends there, and users are not made",
                            printable(entry, 60)),
                "a value can hold neither '=' nor ','; write such variables in a script");
            return false;
        }
        const std::string name = entry.substr(0, entry.find('='));
        for (const std::string& before : names) {
            if (before == name || !before.starts_with(name)) continue;
            hearing.partly = true;
            hearing.find("environment-prefix", Severity::error, "[cernvm] environment",
                         fmt::format("{} is written over {}: lines are found by how they begin",
                                     printable(name), printable(before)),
                         "say the shorter name first");
        }
        names.push_back(name);
    }
    hearing.reads("environment: " + printable(join(names, ", ")));
    return true;
}

void check_password(Hearing& hearing, const std::string& user, const std::string& password)
{
    if (password.empty())
        hearing.find("user-password", Severity::note, user,
                     "no password: it gets a random one nobody is told");
    else if (password.starts_with('$') && !password.starts_with("$6$"))
        hearing.find("user-password", Severity::warning, user,
                     "only hashes that begin with $6$ are known: this one becomes the password itself",
                     "make it with openssl passwd -6");
}

bool check_users(Hearing& hearing, const std::string& value)
{
    std::vector<std::string> names;
    for (const std::string& entry : split(value, ',')) {
        const std::vector<std::string> parts = split(entry, ':');
        if (parts.size() != 3) {
            hearing.find("users-abort", Severity::error, "[cernvm] users",
                         fmt::format("'{}' is not user:group:password: the plugin ends there",
                                     printable(entry.substr(0, entry.find(':')), 40)),
                         "exactly two colons a user; a password can hold neither ':' nor ','");
            return false;
        }
        names.push_back(printable(parts[0]) + (names.empty() ? " (may sudo)" : ""));
        check_password(hearing, "user " + printable(parts[0]), parts[2]);
    }
    hearing.reads("users: " + join(names, ", "));
    return true;
}

void check_command(Hearing& hearing, const std::string& value)
{
    const std::string user = value.substr(0, value.find(':'));
    const bool good = value.find(":/") != std::string::npos && !user.empty() &&
                      std::ranges::all_of(user, [](char c) { return c >= 'a' && c <= 'z'; });
    if (good) {
        hearing.reads("contextualization_command, as " + user +
                      ", whose uid must be 500 at least; its output is lost");
        return;
    }
    hearing.partly = true;
    hearing.find("command-user", Severity::error, "[cernvm] contextualization_command",
                 "it is not user:/path with a user of the letters a to z",
                 "write user:/path arguments, or use a script");
}

void check_proxy(Hearing& hearing, const std::string& value)
{
    if (value.find_first_of("; ") == std::string::npos || value.starts_with('"') || value.starts_with('\''))
        return;
    hearing.find("proxy-unquoted", Severity::warning, "[cernvm] proxy",
                 "it is written into a file that shells source: it ends at the ';' there",
                 "quote it: proxy=\"http://squid:3128;DIRECT\"");
}

void check_names(Hearing& hearing, const Keys& keys)
{
    std::vector<std::string> known;
    for (const std::string_view key : first_keys) known.emplace_back(key);
    for (const std::string_view key : last_keys) known.emplace_back(key);
    for (const auto& [key, value] : keys) {
        if (is_key(key)) continue;
        const auto close = nearest(key, known);
        hearing.ignores(fmt::format("[cernvm] {}", printable(key)));
        hearing.find("cernvm-key", Severity::warning, "[cernvm] " + printable(key),
                     "the plugin has no such key", close ? "is " + *close + " meant?" : "");
    }
}

} // namespace

void obey_cernvm_plugin(Hearing& hearing, const Keys& keys)
{
    check_names(hearing, keys);
    std::vector<std::string> plain;
    for (const std::string_view key : first_keys) {
        const auto found = keys.find(std::string(key));
        if (found == keys.end()) continue;
        hearing.heard = true;
        if (key == "contextualization_command") {
            check_command(hearing, found->second);
            continue;
        }
        if (key == "proxy") check_proxy(hearing, found->second);
        plain.emplace_back(key);
    }
    if (!plain.empty()) hearing.reads("[cernvm]: " + join(plain, ", "));
    bool goes_on = true;
    for (const std::string_view key : last_keys) {
        const auto found = keys.find(std::string(key));
        if (found == keys.end()) continue;
        if (!goes_on) {
            hearing.ignores(fmt::format("[cernvm] {}", key));
            continue;
        }
        if (key == "environment")
            goes_on = check_environment(hearing, found->second);
        else if (key == "users")
            goes_on = check_users(hearing, found->second);
        else
            hearing.reads(fmt::format("[cernvm]: {}", key));
        if (goes_on)
            hearing.heard = true;
        else
            hearing.partly = true;
    }
}

} // namespace ctx::check
