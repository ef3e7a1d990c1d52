#include "services/sysv_services.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include <ctx/base/error.hpp>

#include "edit/plan_parts.hpp"
#include "services/init_script.hpp"

namespace ctx {

namespace {

// A link of rc?.d: "S55sshd".
struct RcLink {
    char kind = 'S';
    int priority = 0;
    std::string path;
};

std::string level_folder(const GuestFacts& facts, const std::string& level)
{
    return fmt::format("{}/rc{}.d", has_chkconfig_layout(facts) ? "/etc/rc.d" : "/etc", level);
}

std::string link_name(char kind, int priority, const std::string& name)
{
    return fmt::format("{}{:02}{}", kind, priority, name);
}

std::vector<RcLink> links_of(const GuestFacts& facts, const std::string& level, const std::string& name)
{
    std::vector<RcLink> links;
    const std::string begin = level_folder(facts, level) + "/";
    for (auto file = facts.files.lower_bound(begin);
         file != facts.files.end() && file->first.starts_with(begin); ++file) {
        const std::string_view base = std::string_view(file->first).substr(begin.size());
        constexpr std::size_t head = 3; // "S55"
        if (base.size() <= head || base.substr(head) != name) continue;
        if ((base[0] != 'S' && base[0] != 'K') || std::isdigit(static_cast<unsigned char>(base[1])) == 0 ||
            std::isdigit(static_cast<unsigned char>(base[2])) == 0)
            continue;
        links.push_back({base[0], (base[1] - '0') * 10 + (base[2] - '0'), file->first});
    }
    return links;
}

const GuestFacts::Snapshot* script_of(const GuestFacts& facts, const std::string& name)
{
    for (const char* folder : {"/etc/init.d/", "/etc/rc.d/init.d/"}) {
        const auto found = facts.files.find(folder + name);
        if (found != facts.files.end() && found->second.entry.kind != GuestEntry::Kind::directory)
            return &found->second;
    }
    return nullptr;
}

Error no_levels(const std::string& name, const char* what)
{
    return Error(Blame::user, fmt::format("the init script {} cannot be switched on or off", name))
        .because(fmt::format("it has no {}", what))
        .mend("give the script a head with its runlevels, in the image");
}

class Switch {
public:
    Switch(EditPlan& plan, const GuestFacts& facts, std::string name, bool on)
        : plan_(plan), facts_(facts), name_(std::move(name)), on_(on),
          reason_(fmt::format("service {} {}", name_, on ? "on" : "off"))
    {
    }

    // `chkconfig NAME on|off`, which is for the runlevels 2 to 5; the others are set as `--add` would.
    void by_chkconfig(const InitScript& script)
    {
        int start = 0;
        int stop = 0;
        if (script.chkconfig) {
            start = script.chkconfig->start;
            stop = script.chkconfig->stop;
        } else if (script.lsb) {
            constexpr int middle = 50; // chkconfig's own, for a script with an LSB head alone
            start = stop = middle;
        } else {
            throw no_levels(name_, "line '# chkconfig:' and no LSB head");
        }
        for (const char* level : {"0", "1", "6"})
            if (links_of(facts_, level, name_).empty()) make(level, 'K', stop);
        for (const char* level : {"2", "3", "4", "5"}) put(level, on_ ? 'S' : 'K', on_ ? start : stop);
    }

    // `update-rc.d NAME enable|disable`: a link's letter changes, its number stays. Where there are no links
    // yet, those of `update-rc.d NAME defaults`.
    void by_update_rc(const InitScript& script)
    {
        if (!script.lsb || script.lsb->default_start.empty())
            throw no_levels(name_, "'Default-Start:' in an LSB head");
        const bool has_links =
            std::ranges::any_of(std::array{"0", "1", "2", "3", "4", "5", "6", "S"},
                                [&](const char* level) { return !links_of(facts_, level, name_).empty(); });
        for (const std::string& level : script.lsb->default_start) {
            if (!has_links) make(level, on_ ? 'S' : 'K', 1);
            for (const RcLink& link : links_of(facts_, level, name_))
                put(level, on_ ? 'S' : 'K', link.priority);
        }
        if (has_links) return;
        for (const std::string& level : script.lsb->default_stop) make(level, 'K', 1);
    }

private:
    // One link of the service in the level, and no other.
    void put(const std::string& level, char kind, int priority)
    {
        bool is_there = false;
        for (const RcLink& link : links_of(facts_, level, name_)) {
            if (link.kind == kind && (link.priority == priority))
                is_there = true;
            else
                add(plan_, reason_, edit::Remove{link.path});
        }
        if (!is_there) make(level, kind, priority);
    }

    void make(const std::string& level, char kind, int priority)
    {
        add(plan_, reason_,
            edit::MakeSymlink{level_folder(facts_, level) + "/" + link_name(kind, priority, name_),
                              "../init.d/" + name_});
    }

    EditPlan& plan_;
    const GuestFacts& facts_;
    std::string name_;
    bool on_;
    std::string reason_;
};

bool switch_script(EditPlan& plan, const GuestFacts& facts, const std::string& name, bool on)
{
    const GuestFacts::Snapshot* file = script_of(facts, name);
    if (file == nullptr) return false;
    const InitScript script = parse_init_script(file->content);
    Switch change(plan, facts, name, on);
    if (has_chkconfig_layout(facts))
        change.by_chkconfig(script);
    else
        change.by_update_rc(script);
    return true;
}

} // namespace

bool has_chkconfig_layout(const GuestFacts& facts)
{
    const auto found = facts.files.find("/etc/rc.d/rc3.d");
    return found != facts.files.end() && found->second.entry.kind == GuestEntry::Kind::directory;
}

bool enable_script(EditPlan& plan, const GuestFacts& facts, const std::string& name)
{
    return switch_script(plan, facts, name, true);
}

bool disable_script(EditPlan& plan, const GuestFacts& facts, const std::string& name)
{
    return switch_script(plan, facts, name, false);
}

} // namespace ctx
