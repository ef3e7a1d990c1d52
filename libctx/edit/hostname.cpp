// The host's name where each kind of guest keeps it, and in /etc/hosts.
#include <string>
#include <vector>

#include <fmt/format.h>

#include <ctx/base/text.hpp>

#include "edit/plan_parts.hpp"

namespace ctx {

namespace {

edit::WriteFile changed(const char* path, const std::vector<std::string>& lines)
{
    edit::WriteFile result{path, join(lines, "\n")};
    result.keep_attributes = true;
    return result;
}

// The lines of a text that ends with a line feed, and a last empty one.
std::vector<std::string> lines_of(std::string_view text)
{
    std::vector<std::string> lines = split(text, '\n');
    if (lines.empty() || !lines.back().empty()) lines.emplace_back();
    return lines;
}

// EL6 and before read it here at boot.
edit::WriteFile in_sysconfig(std::string_view text, const std::string& name)
{
    std::vector<std::string> lines = lines_of(text);
    bool found = false;
    for (std::string& line : lines) {
        if (!line.starts_with("HOSTNAME=")) continue;
        line = "HOSTNAME=" + name;
        found = true;
    }
    if (!found) lines.insert(lines.end() - 1, "HOSTNAME=" + name);
    return changed("/etc/sysconfig/network", lines);
}

edit::WriteFile in_hosts(std::string_view text, const std::string& name)
{
    std::vector<std::string> lines = lines_of(text);
    std::erase_if(lines, [](const std::string& line) {
        return line.starts_with("127.0.1.1 ") || line.starts_with("127.0.1.1\t");
    });
    lines.insert(lines.end() - 1, fmt::format("127.0.1.1 {} {}", name, name.substr(0, name.find('.'))));
    return changed("/etc/hosts", lines);
}

} // namespace

void plan_hostname(EditPlan& plan, const Context& context, const GuestFacts& facts)
{
    const std::string& name = context.hostname;
    if (name.empty()) return;
    const std::string reason = "host name";
    add(plan, reason, changed("/etc/hostname", {name, ""}));
    if (facts.has("/etc/sysconfig/network"))
        add(plan, reason, in_sysconfig(facts.text("/etc/sysconfig/network"), name));
    add(plan, reason, in_hosts(facts.text("/etc/hosts"), name));
}

} // namespace ctx
