#include "edit/resets.hpp"

#include <array>

#include <fnmatch.h>

#include "edit/plan_parts.hpp"

namespace ctx {

namespace {

// Files of a folder, by a shell's pattern. Links stay: they lead to what has a row of its own.
struct Reset {
    const char* what;
    const char* folder;
    const char* names;
};

constexpr std::array resets = {
    Reset{"DHCP lease of another machine", "/var/lib/dhclient", "*"},
    Reset{"DHCP lease of another machine", "/var/lib/dhcp", "*.lease*"},
    Reset{"DHCP lease of another machine", "/var/lib/dhcpcd", "*.lease*"},
    Reset{"DHCP lease of another machine", "/var/lib/NetworkManager", "*.lease"},
    Reset{"D-Bus' id of another machine", "/var/lib/dbus", "machine-id"},
    Reset{"key of another machine", "/var/lib/NetworkManager", "secret_key"},
    Reset{"random seed of another machine", "/var/lib", "random-seed"},
    Reset{"random seed of another machine", "/var/lib/misc", "random-seed"},
    Reset{"random seed of another machine", "/var/lib/systemd", "random-seed"},
    Reset{"random seed of another machine", "/var/lib/urandom", "random-seed"},
    Reset{"yum's id of another machine", "/var/lib/yum", "uuid"},
};

// Empty, not gone: a machine without the file boots "for the first time", and systemd then switches services
// as its presets say.
void reset_machine_id(EditPlan& plan, const GuestFacts& facts)
{
    constexpr const char* path = "/etc/machine-id";
    if (facts.init != InitSystem::systemd || (facts.has(path) && facts.text(path).empty())) return;
    constexpr mode_t read_only = 0444;
    add(plan, "a machine of its own", edit::WriteFile{path, std::string(), read_only});
}

} // namespace

std::vector<std::string> reset_folders()
{
    std::vector<std::string> folders;
    for (const Reset& reset : resets)
        if (folders.empty() || folders.back() != reset.folder) folders.emplace_back(reset.folder);
    return folders;
}

void plan_resets(EditPlan& plan, const GuestFacts& facts)
{
    reset_machine_id(plan, facts);
    for (const Reset& reset : resets) {
        const std::string begin = std::string(reset.folder) + "/";
        for (auto file = facts.files.lower_bound(begin);
             file != facts.files.end() && file->first.starts_with(begin); ++file) {
            const std::string name = file->first.substr(begin.size());
            if (file->second.entry.kind == GuestEntry::Kind::file && name.find('/') == std::string::npos &&
                fnmatch(reset.names, name.c_str(), 0) == 0)
                add(plan, reset.what, edit::Remove{file->first});
        }
    }
}

} // namespace ctx
