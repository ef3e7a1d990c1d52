#include "facts/service_facts.hpp"

#include <array>
#include <set>

#include "services/unit_file.hpp"
#include "services/unit_lookup.hpp"

namespace ctx {

namespace {

using What = SnapshotTaker::What;

constexpr std::array unit_folders = {"/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"};

bool is_list(const std::string& folder)
{
    return folder.ends_with(".wants") || folder.ends_with(".requires");
}

class UnitTaker {
public:
    UnitTaker(SnapshotTaker& look, GuestFacts& facts) : look_(look), facts_(facts) {}

    // The units, and those that go on and off with them.
    void take(const std::vector<std::string>& services)
    {
        for (const char* folder : unit_folders)
            for (const std::string& name : look_.names(folder))
                if (is_list(name)) lists_.push_back(std::string(folder) + "/" + name);
        for (const std::string& service : services) todo_.push_back(unit_name(service));
        constexpr std::size_t most = 200;
        while (!todo_.empty() && done_.size() < most) {
            const std::string unit = todo_.back();
            todo_.pop_back();
            if (done_.insert(unit).second) take_unit(unit);
        }
    }

private:
    void take_unit(const std::string& unit)
    {
        const std::string pattern = template_of(unit);
        for (const char* folder : unit_folders) {
            take_files(std::string(folder) + "/" + unit);
            if (!pattern.empty()) take_files(std::string(folder) + "/" + pattern);
        }
        for (const std::string& list : lists_) look_.take_entry(list + "/" + unit);
        const auto found = find_unit(facts_, unit);
        if (!found) return;
        if (!found->alias.empty()) todo_.push_back(found->alias);
        for (const std::string& also : parse_install(found->text, unit).also) todo_.push_back(also);
    }

    void take_files(const std::string& path)
    {
        look_.take(path);
        look_.take_folder(path + ".d", What::contents);
    }

    SnapshotTaker& look_;
    GuestFacts& facts_;
    std::vector<std::string> todo_;
    std::set<std::string> done_;
    std::vector<std::string> lists_;
};

void take_scripts(SnapshotTaker& look, const std::vector<std::string>& services)
{
    for (const std::string& name : services) {
        if (unit_name(name) == name) continue; // "x.socket": no script's name
        look.take("/etc/init.d/" + name);
        look.take("/etc/rc.d/init.d/" + name);
        look.take("/etc/init/" + name + ".conf");
        look.take("/etc/init/" + name + ".override");
    }
    for (const char* level : {"0", "1", "2", "3", "4", "5", "6", "S"}) {
        look.take_folder(std::string("/etc/rc.d/rc") + level + ".d", What::entries);
        look.take_folder(std::string("/etc/rc") + level + ".d", What::entries);
    }
}

} // namespace

void take_services(SnapshotTaker& look, GuestFacts& facts, const std::vector<std::string>& names)
{
    if (facts.init == InitSystem::none) return;
    take_scripts(look, names);
    if (facts.init != InitSystem::systemd) return;
    look.take_tree("/etc/systemd/system", What::entries, 1);
    UnitTaker(look, facts).take(names);
}

} // namespace ctx
