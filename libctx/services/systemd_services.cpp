#include "services/systemd_services.hpp"

#include <array>
#include <set>
#include <utility>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

#include "edit/plan_parts.hpp"
#include "services/unit_lookup.hpp"

namespace ctx {

namespace {

constexpr int most_aliases = 8;

std::string in_configuration(const std::string& name)
{
    return fmt::format("{}/{}", unit_configuration, name);
}

// The unit that carries a name: aliases followed.
std::string real_unit(const GuestFacts& facts, std::string unit)
{
    for (int i = 0; i < most_aliases; ++i) {
        const auto file = find_unit(facts, unit);
        if (!file || file->alias.empty()) break;
        unit = file->alias;
    }
    return unit;
}

class Enabler {
public:
    Enabler(EditPlan& plan, const GuestFacts& facts) : plan_(plan), facts_(facts) {}

    bool enable(const std::string& name)
    {
        std::string unit = real_unit(facts_, name);
        const auto file = find_unit(facts_, unit);
        if (!file || !file->alias.empty()) return false;
        if (file->masked)
            throw Error(Blame::user, fmt::format("service {} is masked in this image", name))
                .at(file->path)
                .mend("take the mask out of the image, or do not ask for the service");
        InstallSection install = parse_install(file->text, unit);
        if (unit.find("@.") != std::string::npos) {
            if (install.default_instance.empty())
                throw Error(Blame::user, fmt::format("service {} needs an instance", name))
                    .mend("name one: " + unit.substr(0, unit.find('@') + 1) + "INSTANCE");
            unit.insert(unit.find('@') + 1, install.default_instance);
            install = parse_install(file->text, unit);
        }
        done_.insert(unit);
        // One that is meant to be started by others is asked for all the same.
        if (install.empty()) install.wanted_by = {"multi-user.target"};
        reason_ = "service " + name + " on";
        link_in(install.wanted_by, ".wants/", unit, file->path);
        link_in(install.required_by, ".requires/", unit, file->path);
        link_in(install.upheld_by, ".upholds/", unit, file->path);
        for (const std::string& alias : install.aliases)
            if (alias != unit) link(in_configuration(alias), file->path);
        for (const std::string& also : install.also) {
            const auto other = find_unit(facts_, also);
            if (other && !other->masked && other->alias.empty() && !done_.contains(also)) enable(also);
        }
        return true;
    }

private:
    void link_in(const std::vector<std::string>& targets, const char* kind, const std::string& unit,
                 const std::string& path)
    {
        for (const std::string& target : targets) link(in_configuration(target + kind + unit), path);
    }

    void link(const std::string& where, const std::string& path)
    {
        const auto found = facts_.files.find(where);
        if (found != facts_.files.end() && found->second.entry.kind == GuestEntry::Kind::link &&
            found->second.entry.target != "/dev/null")
            return;
        add(plan_, reason_, edit::MakeSymlink{where, path});
    }

    EditPlan& plan_;
    const GuestFacts& facts_;
    std::set<std::string> done_;
    std::string reason_;
};

class Disabler {
public:
    Disabler(EditPlan& plan, const GuestFacts& facts, std::string reason)
        : plan_(plan), facts_(facts), reason_(std::move(reason))
    {
    }

    bool disable(const std::string& name)
    {
        const std::string unit = real_unit(facts_, name);
        const auto file = find_unit(facts_, unit);
        if (!file) return false;
        if (file->masked || !done_.insert(unit).second) return true;
        const std::string begin = std::string(unit_configuration) + "/";
        for (auto entry = facts_.files.lower_bound(begin);
             entry != facts_.files.end() && entry->first.starts_with(begin); ++entry)
            if (entry->second.entry.kind == GuestEntry::Kind::link &&
                enables(entry->first, entry->second.entry, unit))
                add(plan_, reason_, edit::Remove{entry->first});
        if (wanted_by_vendor(unit)) mask(unit);
        for (const std::string& also : parse_install(file->text, unit).also) disable(also);
        return true;
    }

private:
    // A link named like the unit in some unit's folder, or another name of it.
    static bool enables(const std::string& path, const GuestEntry& link, const std::string& unit)
    {
        const std::size_t slash = path.rfind('/');
        const std::string name = path.substr(slash + 1);
        const std::string folder = path.substr(0, slash);
        if (folder == unit_configuration)
            return name != unit && link.target.substr(link.target.rfind('/') + 1) == unit;
        const bool is_list =
            folder.ends_with(".wants") || folder.ends_with(".requires") || folder.ends_with(".upholds");
        return is_list && (name == unit || template_of(name) == unit);
    }

    // Part of what the distribution starts: nothing in /etc could be removed to stop it.
    bool wanted_by_vendor(const std::string& unit) const
    {
        for (const std::string& folder : vendor_unit_folders(facts_)) {
            const std::string begin = folder + "/";
            for (auto entry = facts_.files.lower_bound(begin);
                 entry != facts_.files.end() && entry->first.starts_with(begin); ++entry) {
                const std::string& path = entry->first;
                if (path.ends_with(".wants/" + unit) || path.ends_with(".requires/" + unit)) return true;
            }
        }
        return false;
    }

    void mask(const std::string& unit)
    {
        const std::string path = in_configuration(unit);
        if (!facts_.has(path))
            add(plan_, reason_ + ", and it is part of the system: masked",
                edit::MakeSymlink{path, "/dev/null"});
    }

    EditPlan& plan_;
    const GuestFacts& facts_;
    std::string reason_;
    std::set<std::string> done_;
};

} // namespace

bool enable_unit(EditPlan& plan, const GuestFacts& facts, const std::string& unit)
{
    return Enabler(plan, facts).enable(unit);
}

bool disable_unit(EditPlan& plan, const GuestFacts& facts, const std::string& unit)
{
    return Disabler(plan, facts, "service " + unit + " off").disable(unit);
}

} // namespace ctx
