#include "services/plan_services.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

#include "edit/plan_parts.hpp"
#include "services/systemd_services.hpp"
#include "services/sysv_services.hpp"
#include "services/unit_lookup.hpp"
#include "services/upstart_services.hpp"

namespace ctx {

namespace {

// A service with both a unit and a script is switched in both, as systemctl does it: whoever asks the
// script's links gets the same answer.
bool enable(EditPlan& plan, const GuestFacts& facts, const std::string& name)
{
    switch (facts.init) {
    case InitSystem::systemd: {
        const bool has_unit = enable_unit(plan, facts, unit_name(name));
        if (!has_unit) return enable_script(plan, facts, name);
        EditPlan links;
        try {
            enable_script(links, facts, name);
        } catch (const Error&) { // its head says nothing of levels, which is no reason to fail
            links.clear();
        }
        plan.insert(plan.end(), links.begin(), links.end());
        return true;
    }
    case InitSystem::upstart: return enable_job(plan, facts, name) || enable_script(plan, facts, name);
    case InitSystem::sysv: return enable_script(plan, facts, name);
    case InitSystem::none: break;
    }
    return false;
}

void disable(EditPlan& plan, const GuestFacts& facts, const std::string& name)
{
    switch (facts.init) {
    case InitSystem::systemd: {
        EditPlan links;
        const bool has_unit = disable_unit(plan, facts, unit_name(name));
        try {
            disable_script(links, facts, name);
        } catch (const Error&) {
            if (!has_unit) throw;
            links.clear();
        }
        plan.insert(plan.end(), links.begin(), links.end());
        return;
    }
    case InitSystem::upstart:
        if (!disable_job(plan, facts, name)) disable_script(plan, facts, name);
        return;
    case InitSystem::sysv: disable_script(plan, facts, name); return;
    case InitSystem::none: return;
    }
}

// A guest that boots for the first time (no machine-id) asks the presets anew.
void write_presets(EditPlan& plan, const Services& services)
{
    std::string text;
    for (const std::string& name : services.enable) text += "enable " + unit_name(name) + "\n";
    for (const std::string& name : services.disable) text += "disable " + unit_name(name) + "\n";
    if (text.empty()) return;
    add(plan, "services stay so at a first boot",
        edit::WriteFile{"/etc/systemd/system-preset/00-vmbatch.preset", text});
}

bool wants_sshd(const Context& context)
{
    return context.ready || context.host_key || !context.root_ssh_keys.empty() ||
           std::ranges::any_of(context.users, [](const User& user) { return !user.ssh_keys.empty(); });
}

} // namespace

void plan_services(EditPlan& plan, const Context& context, const GuestFacts& facts)
{
    if (facts.init == InitSystem::none) return; // as setup.sh has it: there are no services to switch
    Services services = context.services;
    for (const std::string& name : services.disable) disable(plan, facts, name);
    for (const std::string& name : services.enable) {
        if (enable(plan, facts, name)) continue;
        throw Error(Blame::user, fmt::format("there is no service '{}' in this image", name))
            .because(fmt::format("its init system is {}", to_string(facts.init)))
            .mend("take it out of [services], or install it in the image");
    }
    const bool sshd_is_off = std::ranges::any_of(sshd_names, [&](const std::string& name) {
        return std::ranges::find(services.disable, name) != services.disable.end();
    });
    if (wants_sshd(context) && !sshd_is_off) {
        for (const std::string& name : sshd_names) {
            EditPlan own;
            if (!enable(own, facts, name)) continue;
            plan.insert(plan.end(), own.begin(), own.end());
            services.enable.push_back(name);
            break;
        }
    }
    if (facts.init == InitSystem::systemd) write_presets(plan, services);
}

} // namespace ctx
