#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>

#include <ctx/base/text.hpp>

#include "check/rules/rules.hpp"
#include "check/userdata/bootloader_block.hpp"
#include "check/userdata/lines.hpp"

namespace ctx::check {

namespace {

const std::vector<std::string>& known_keys()
{
    static const std::vector<std::string> keys = {
        "cvmfs_http_proxy", "cvmfs_pac_urls", "cvmfs_server",        "cvmfs_cdn",          "cvmfs_branch",
        "cvmfs_tag",        "cernvm_path",    "cvmfs_wait_on_squid", "resize_rootfs",      "use_boothd",
        "cernvm_inject",    "useglideinWMS",  "cvm_cluster_pin",     "cvm_cluster_master", "cvm_service_url",
    };
    return keys;
}

bool is_known(std::string_view key)
{
    return std::ranges::any_of(known_keys(),
                               [&](const std::string& known) { return lower(known) == lower(key); });
}

bool is_on(std::string_view value)
{
    const std::string word = lower(value);
    return word == "yes" || word == "on" || word == "true" || word == "1";
}

struct FaultText {
    const char* id;
    Severity severity;
    const char* reason;
    const char* remedy;
};

FaultText text_of(BlockFault::Kind kind)
{
    using Kind = BlockFault::Kind;
    constexpr const char* quote = "quote the value: key=\"value\"";
    switch (kind) {
    case Kind::begin:
        return {"bootloader-mark", Severity::error,
                "a blank or a CR beside the mark: the boot loader does not see it",
                "write [ucernvm-begin] on a line of its own, ended by a line feed alone"};
    case Kind::carriage:
        return {"bootloader-carriage-return", Severity::error,
                "the CR at the line's end becomes part of the value", "end lines with a line feed alone"};
    case Kind::name:
        return {"bootloader-name", Severity::error,
                "no name for a variable: no blanks are allowed around '='", "write key=value"};
    case Kind::unquoted:
        return {"bootloader-unquoted", Severity::error,
                "the value ends at a blank or an operator of the shell, and what follows is run as root's "
                "command",
                quote};
    case Kind::unclosed:
        return {"bootloader-quote", Severity::error,
                "a quote is not closed: the boot loader's shell takes none of it", "close it"};
    case Kind::expands:
        return {"bootloader-expands", Severity::warning,
                "the boot loader's shell, root's, replaces $ and ` in it",
                "use single quotes, if that is not meant"};
    case Kind::last_line:
        return {"bootloader-last-line", Severity::error, "the last line has no line feed and is not read",
                "end it with a line feed"};
    case Kind::no_end:
        return {"bootloader-no-end", Severity::warning,
                "no [ucernvm-end]: all that follows and has a '=' is taken for settings",
                "write [ucernvm-end] on a line of its own"};
    case Kind::no_setting:
        return {"bootloader-line", Severity::warning, "no key=value: the line is passed over", "remove it"};
    }
    return {};
}

void check_setting(Hearing& hearing, const BlockSetting& setting)
{
    const std::string key = lower(setting.key);
    const std::string where = fmt::format("line {}", setting.line);
    if (!is_known(key)) {
        const auto close = nearest(key, known_keys());
        hearing.find("bootloader-key", Severity::unknown, where,
                     fmt::format("'{}' is no key of the boot loader that is known", printable(setting.key)),
                     close ? "is " + *close + " meant?" : "");
    }
    if (key == "cvmfs_wait_on_squid" && is_on(setting.value))
        hearing.find("bootloader-waits", Severity::warning, where,
                     "the boot loader waits for the squid, for ever if it does not come",
                     "leave cvmfs_wait_on_squid out");
    if (key == "use_boothd" && is_on(setting.value))
        hearing.find("bootloader-boothd", Severity::unknown, where,
                     "the scratch space is made on the image's own disk, and scratch disks are left alone");
}

bool has_address(const ShellVariables& variables, const std::string& interface)
{
    return !variables.value(interface + "_IP").empty() && !variables.value(interface + "_MASK").empty();
}

} // namespace

void obey_bootloader_block(Hearing& hearing)
{
    if (!hearing.found.user_data) return;
    if (hearing.found.user_data->starts_with("\x1f\x8b")) {
        hearing.reads("user data in gzip, which it unpacks");
        hearing.in_doubt = true;
        return;
    }
    const BootloaderBlock block = parse_bootloader_block(*hearing.found.user_data);
    for (const BlockFault& fault : block.faults) {
        const FaultText text = text_of(fault.kind);
        hearing.find(text.id, text.severity, fmt::format("line {}", fault.line), text.reason, text.remedy);
        if (text.severity == Severity::error) hearing.partly = true;
    }
    std::vector<std::string> keys;
    for (const BlockSetting& setting : block.settings) {
        check_setting(hearing, setting);
        keys.push_back(printable(setting.key));
    }
    if (!keys.empty()) hearing.reads("[ucernvm]: " + join(keys, ", "));
    hearing.heard = !keys.empty();
    hearing.reads("all user data, kept for later");
}

void obey_bootloader_network(Hearing& hearing)
{
    const ShellVariables& variables = hearing.found.variables;
    bool fixed = false;
    for (int number = 0; number < 10; ++number) {
        const std::string interface = fmt::format("ETH{}", number);
        if (variables.value(interface + "_MAC").empty()) continue;
        fixed = true;
        if (!has_address(variables, interface))
            hearing.find(
                "network-incomplete", Severity::error, interface,
                fmt::format(
                    "with {}_MAC the boot loader asks no DHCP server, and {}_IP or {}_MASK is missing",
                    interface, interface, interface),
                "say address and mask, or leave the MAC out");
    }
    if (fixed) hearing.reads("a static network: ETHn_MAC, _IP, _MASK, _GATEWAY, _DNS");
}

} // namespace ctx::check
