#include <algorithm>
#include <string>

#include <fmt/format.h>

#include <ctx/base/text.hpp>

#include "check/rules/rules.hpp"
#include "check/userdata/amiconfig_ini.hpp"
#include "check/userdata/cloud_parts.hpp"
#include "check/userdata/lines.hpp"

namespace ctx::check {

namespace {

constexpr std::size_t most_lines_shown = 5;

bool is_bootloaders(std::string_view section)
{
    return lower(section) == "ucernvm-begin" || lower(section) == "ucernvm-end";
}

std::vector<std::string> words(std::string_view text)
{
    std::vector<std::string> result;
    while (!(text = trimmed(text)).empty()) {
        const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
        result.emplace_back(text.substr(0, end));
        text.remove_prefix(end);
    }
    return result;
}

// A script for root: lines up to the first that begins with exit.
void hear_script(Hearing& hearing, std::string_view text)
{
    while (!text.empty() && trimmed(first_line(text)).empty()) take_line(text); // it drops empty lines first
    if (!text.starts_with("#!")) return;
    const unsigned end = script_end(text);
    if (end == 0) {
        hearing.partly = true;
        hearing.find(
            "script-without-exit", Severity::error, "",
            "no line begins with 'exit': where root's script ends is not known to amiconfig, and all that "
            "follows is run, too",
            "end the script with a line 'exit 0', and write the sections behind it");
        return;
    }
    hearing.reads(fmt::format("a script for root, lines 1 to {}", end));
    hearing.heard = true;
    hearing.guarded = hearing.guarded && is_guarded(text);
    unsigned number = 0;
    for (std::string_view rest = text; number < end && !rest.empty();) {
        const std::string_view line = take_line(rest);
        ++number;
        if (line.starts_with('[') && line.find(']') != std::string_view::npos)
            hearing.find("script-line-is-section", Severity::warning, fmt::format("line {}", number),
                         "it begins with '[' and is taken for a section, too", "indent it, or write 'test'");
    }
}

void hear_message(Hearing& hearing, std::string_view text)
{
    const CloudUserData data = read_cloud_user_data(text);
    if (!data.mime) return;
    std::size_t number = 0;
    for (const CloudPart& part : data.parts) {
        ++number;
        if (part.encoding.empty() || part.encoding == "7bit") continue;
        hearing.partly = true;
        hearing.find("mime-not-7bit", Severity::error, fmt::format("part {}", number),
                     "amiconfig does not decode " + printable(part.encoding) + ": it hears nothing of it",
                     "write the part as it is, 7bit");
    }
}

void find_dropped(Hearing& hearing, const AmiconfigIni& ini, std::string_view text)
{
    // What stands before the end of a script is no business of the sections.
    const unsigned script = text.starts_with("#!") ? script_end(text) : 0;
    std::size_t shown = 0;
    for (const AmiconfigIni::Dropped& line : ini.dropped) {
        if (line.line <= script || ++shown > most_lines_shown) continue;
        hearing.find(
            "line-dropped", Severity::warning, fmt::format("line {}", line.line),
            fmt::format("neither [section] nor key=value: '{}' is dropped", printable(line.text, 40)),
            "a value is one line, and a line begins with its key");
    }
    for (const std::string& key : ini.cut)
        hearing.find("value-cut", Severity::warning, printable(key),
                     "the value ends at ' ;', which begins a comment", "leave out the blank before ';'");
}

void hear_keys(Hearing& hearing, const IniSection& section)
{
    const std::string name = lower(section.name);
    if (name == "cernvm") {
        obey_cernvm_plugin(hearing, section.keys);
        return;
    }
    std::vector<std::string> keys;
    for (const auto& [key, value] : section.keys) keys.push_back(printable(key));
    hearing.reads(fmt::format("[{}]{}{}", printable(name), keys.empty() ? "" : ": ", join(keys, ", ")));
    hearing.heard = true;
}

bool has_root_key(const Found& found)
{
    if (found.from.format->name == "EC2 ConfigDrive") return true; // in meta-data.json, if anywhere
    return !found.variables.value("PUBLIC_KEY").empty() || !found.variables.value("ROOT_PUBKEY").empty();
}

void hear_rootsshkeys(Hearing& hearing, bool boot_loader_only)
{
    if (!boot_loader_only && has_root_key(hearing.found)) {
        hearing.reads("[rootsshkeys]");
        return;
    }
    hearing.partly = true;
    if (boot_loader_only)
        hearing.find("root-key-not-read", Severity::error, "rootsshkeys",
                     "this guest stores no meta data: the plugin has no key to read",
                     "write root's authorized_keys in a script");
    else
        hearing.find("root-key-not-read", Severity::error, "rootsshkeys", "no key for it is on the disc",
                     "say PUBLIC_KEY or ROOT_PUBKEY in context.sh");
}

void hear_sections(Hearing& hearing, const AmiconfigIni& ini)
{
    const IniSection* own = ini.find("amiconfig");
    std::vector<std::string> plugins;
    if (own != nullptr && own->keys.contains("plugins")) {
        const std::string& list = own->keys.at("plugins");
        plugins = words(list);
        if (list.find(',') != std::string::npos) {
            hearing.partly = true;
            hearing.find("plugins-commas", Severity::error, "[amiconfig] plugins",
                         "plugins are separated by blanks: '" + printable(list) + "' has a comma",
                         "write plugins=" + printable(list.substr(0, list.find(','))) + " …");
        }
    }
    const std::string& boot_loader = hearing.found.from.format->name;
    const bool boot_loader_only =
        boot_loader != "HEPiX" && boot_loader != "EC2 ConfigDrive" && hearing.step.stage == "amiconfig";
    for (const std::string& plugin : plugins) {
        if (plugin == "rootsshkeys") {
            hear_rootsshkeys(hearing, boot_loader_only);
        } else if (ini.find(plugin) == nullptr) {
            hearing.reads(fmt::format("[{}], which has no section", printable(plugin)));
        }
    }
    for (const IniSection& section : ini.sections) {
        const std::string name = lower(section.name);
        if (is_bootloaders(name) || name == "amiconfig" || name == "rootsshkeys") continue;
        if (std::ranges::find(plugins, name) == plugins.end()) {
            hearing.ignores(fmt::format("[{}]: no plugin that is named", printable(section.name)));
            // Lines of a script may look like sections.
            if (name.find(' ') != std::string::npos) continue;
            hearing.in_doubt = true;
            hearing.find("plugin-not-named", Severity::unknown, "[" + printable(section.name) + "]",
                         "plugins= does not name it: it counts only if the image's own configuration does",
                         "write plugins=" + printable(name) + " below [amiconfig]");
            continue;
        }
        if (name != section.name)
            hearing.find("section-case", Severity::unknown, "[" + printable(section.name) + "]",
                         "older amiconfig knows sections in lower case only",
                         "write [" + printable(name) + "]");
        hear_keys(hearing, section);
    }
}

} // namespace

void obey_amiconfig(Hearing& hearing)
{
    if (!hearing.found.user_data) return;
    const std::string& text = *hearing.found.user_data;
    if (is_gzip(text)) {
        hearing.in_doubt = true;
        hearing.find("gzip", Severity::unknown, "", "not every amiconfig unpacks gzip",
                     "do not compress user data");
        return;
    }
    hear_script(hearing, text);
    hear_message(hearing, text);
    const AmiconfigIni ini = parse_amiconfig_ini(text);
    find_dropped(hearing, ini, text);
    hear_sections(hearing, ini);
    if (!hearing.heard && !hearing.partly) hearing.ignores("user data without a script or a section");
}

} // namespace ctx::check
