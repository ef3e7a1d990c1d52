#include "findings.hpp"

#include <chrono>

#include <pwd.h>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

#include "../guest/ready_channel.hpp"
#include "../ledger/ledger.hpp"
#include "../network.hpp"

namespace runner {

using ctx::Blame;
using ctx::Error;

namespace {

// Whom QEMU runs as. Never root: a guest that breaks out of QEMU must not own the host.
Account qemu_account(const std::string& name)
{
    const passwd* entry = ::getpwnam(name.c_str());
    if (entry == nullptr || entry->pw_uid == 0)
        throw Error(Blame::node, "QEMU's account is missing, or is root")
            .at("'" + ctx::printable(name) + "'")
            .mend("install libvirt-daemon-system, or correct hypervisor.qemu_user");
    return {entry->pw_uid, entry->pw_gid};
}

// A profile's image is the administrator's affair: whoever runs a job did not name it.
image_cache::Image find_image(const Profile& profile, const Settings& settings)
try {
    return image_cache::Store(settings.cache_dir).find(profile.image);
} catch (const Error& error) {
    if (error.blame() != Blame::user) throw;
    throw Error(Blame::node, fmt::format("the image of profile '{}' is not in the cache", profile.name))
        .at(error.place())
        .because(error.reason())
        .mend(error.remedy());
}

} // namespace

Findings look_first(const Job& job, const Profile& profile, const Settings& settings, Hypervisor& hypervisor,
                    const TimeLimits& time)
{
    Findings found;
    found.resources = check_job(job, profile);
    found.qemu = qemu_account(settings.hypervisor.qemu_user);
    found.image = find_image(profile, settings);
    hypervisor.check(time.within(time.phases.prepare));
    if (profile.reports_by_channel)
        require_socket_path(job_directory(settings.state_dir, job.id) / "disk" / ready_socket_name);
    else if (!settings.share.probe.empty())
        require_listener(settings.share.probe, time.within(std::chrono::seconds(3)));
    return found;
}

} // namespace runner
