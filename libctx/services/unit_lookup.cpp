#include "services/unit_lookup.hpp"

#include <string_view>

namespace ctx {

namespace {

std::string base_name(const std::string& path)
{
    return path.substr(path.rfind('/') + 1);
}

std::string drop_ins(const GuestFacts& facts, const std::string& unit)
{
    std::string text;
    std::vector<std::string> folders = vendor_unit_folders(facts);
    folders.resize(1); // the other one shows the same files
    folders.emplace_back(unit_configuration);
    for (const std::string& folder : folders) {
        const std::string prefix = folder + "/" + unit + ".d/";
        for (auto file = facts.files.lower_bound(prefix);
             file != facts.files.end() && file->first.starts_with(prefix); ++file)
            if (file->first.ends_with(".conf")) text += "\n" + file->second.content;
    }
    return text;
}

std::optional<UnitFile> find_file(const GuestFacts& facts, const std::string& name)
{
    std::vector<std::string> folders = vendor_unit_folders(facts);
    folders.insert(folders.begin(), unit_configuration);
    for (const std::string& folder : folders) {
        const auto found = facts.files.find(folder + "/" + name);
        if (found == facts.files.end()) continue;
        const GuestFacts::Snapshot& file = found->second;
        UnitFile unit{found->first, "", false, file.content};
        if (file.entry.kind == GuestEntry::Kind::link) {
            unit.masked = file.entry.target == "/dev/null";
            const std::string other = base_name(file.entry.target);
            if (!unit.masked && other != name)
                unit.alias = other;
            else if (!unit.masked)
                unit.path = file.entry.target.starts_with('/') ? file.entry.target : found->first;
        } else {
            unit.masked = file.entry.size == 0;
        }
        return unit;
    }
    return std::nullopt;
}

} // namespace

std::vector<std::string> vendor_unit_folders(const GuestFacts& facts)
{
    // Debian up to 12 says /lib, all others /usr/lib; the links that are there tell.
    const std::string wants = std::string(unit_configuration) + "/multi-user.target.wants/";
    for (auto file = facts.files.lower_bound(wants);
         file != facts.files.end() && file->first.starts_with(wants); ++file)
        if (file->second.entry.target.starts_with("/lib/systemd/"))
            return {"/lib/systemd/system", "/usr/lib/systemd/system"};
    return {"/usr/lib/systemd/system", "/lib/systemd/system"};
}

std::optional<UnitFile> find_unit(const GuestFacts& facts, const std::string& unit)
{
    std::optional<UnitFile> found = find_file(facts, unit);
    const std::string pattern = template_of(unit);
    if (!found && !pattern.empty()) found = find_file(facts, pattern);
    if (!found) return found;
    found->text += drop_ins(facts, unit);
    if (!pattern.empty()) found->text += drop_ins(facts, pattern);
    return found;
}

} // namespace ctx
