#include "run_job.hpp"

#include <chrono>
#include <filesystem>
#include <memory>
#include <utility>

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>
#include <ctx/base/random.hpp>
#include <ctx/base/text.hpp>
#include <ctx/dialect.hpp>
#include <ctx/disc.hpp>

#include "../guest/run_script.hpp"
#include "../guest/ssh.hpp"
#include "../ledger/ledger.hpp"
#include "../network.hpp"
#include "../resources/domain.hpp"
#include "../resources/image_lease.hpp"
#include "../resources/job_keys.hpp"
#include "../resources/overlay.hpp"
#include "../resources/share_directory.hpp"
#include "identity.hpp"
#include "job_context.hpp"
#include "remove_job.hpp"

namespace runner {

namespace fs = std::filesystem;
using ctx::Blame;
using ctx::Deadline;
using ctx::Error;

namespace {

struct Account {
    uid_t uid = 0;
    gid_t gid = 0;
};

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

// Who may use the job's directory on the share: for root, whom the NFS server takes it for.
Account share_account(const ctx::User& user, const ShareSettings& share)
{
    if (user.uid == 0) return {share.anonymous_uid, share.anonymous_gid};
    return {user.uid, user.group.gid};
}

GuestInterface interface_of(const GuestNetwork& network, const std::string& mac)
{
    if (const auto* bridge = std::get_if<BridgeNetwork>(&network))
        return BridgeInterface{bridge->bridge, mac};
    return ForwardedInterface{free_port(), mac};
}

// The parts of a job that are found, not made.
struct Findings {
    std::string script;
    Resources resources;
    Account qemu;
    image_cache::Image image;
};

std::string read_script(const std::string& file)
try {
    constexpr std::size_t limit = 64 << 20;
    return ctx::read_file(file, limit, Blame::user);
} catch (const Error& error) {
    throw Error(Blame::user, "the job's script cannot be read")
        .at(ctx::printable(error.place()))
        .because(error.reason().empty() ? error.problem() : error.reason())
        .mend("name a file of at most 64 MB");
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

Findings look_first(const Job& job, const Profile& profile, const Settings& settings, Hypervisor& hypervisor)
{
    Findings found;
    found.resources = check_job(job, profile);
    found.script = read_script(job.script);
    found.qemu = qemu_account(settings.hypervisor.qemu_user);
    found.image = find_image(profile, settings);
    hypervisor.check(Deadline::in(settings.limits.prepare));
    if (!settings.share.probe.empty())
        require_listener(settings.share.probe, Deadline::in(std::chrono::seconds(3)));
    return found;
}

struct Made {
    Ledger& ledger;
    const GuestIdentity& identity;
    const Findings& found;
    std::string nonce;
};

// What the host knows of a guest it has started.
struct StartedGuest {
    GuestInterface interface;
    fs::path share_directory;
    fs::path console;
    std::map<std::string, std::string> environment;
};

StartedGuest start_guest(const Job& job, const Profile& profile, const Settings& settings,
                         const InstallPaths& paths, Made made, Hypervisor& hypervisor, Phases& phases)
{
    Ledger& ledger = made.ledger;
    const Account& qemu = made.found.qemu;
    StartedGuest guest;
    GuestSpec spec;
    phases.run("prepare", [&] {
        const Deadline deadline = Deadline::in(settings.limits.prepare);
        const image_cache::Image image =
            ledger.make(ImageLease{settings.cache_dir, made.found.image, job.id});
        const Account writer = share_account(job.user, settings.share);
        const std::string share_name = ctx::random_hex(16);
        guest.share_directory =
            ledger.make(ShareDirectory{settings.share.directory, share_name, writer.uid, writer.gid});
        const JobKeys keys = make_job_keys(ledger, job.user, made.identity.host_alias, deadline);
        const ctx::Context context =
            job_context({job, profile, settings.share, made.identity, keys, made.nonce, share_name});
        guest.environment = context.environment;

        const fs::path disk = ledger.disk_directory();
        spec.overlay = disk / "overlay.qcow2";
        make_overlay(spec.overlay, image, qemu.uid, qemu.gid, deadline);
        spec.disc = disk / "context.iso";
        ctx::write_disc(ctx::render(context, profile.dialect), spec.disc);
        spec.console = disk / "console.log";
        ctx::write_file(spec.console, "", 0600);
        for (const fs::path& file : {spec.disc, spec.console}) {
            if (::lchown(file.c_str(), qemu.uid, qemu.gid) < 0)
                throw ctx::system_error("cannot give to QEMU's user", file.string(), errno);
        }
        spec.base = image.path;
        spec.base_format = image_cache::to_string(image.format);
    });
    phases.run("start", [&] {
        spec.name = "vmbatch-" + job.id;
        spec.uuid = made.identity.uuid;
        spec.tag = {job.id, made.nonce, settings.state_dir.string()};
        spec.vcpus = made.found.resources.vcpus;
        spec.memory = made.found.resources.memory;
        spec.domain_template = domain_template(profile, paths);
        spec.interface = interface_of(profile.network, made.identity.mac);
        spec.uid = qemu.uid;
        spec.gid = qemu.gid;
        ledger.make(Domain{&hypervisor, spec, Deadline::in(settings.limits.start)});
    });
    guest.interface = spec.interface;
    guest.console = spec.console;
    return guest;
}

SshTarget target_of(const GuestInterface& interface, const GuestReport& report, const Job& job,
                    const Made& made)
{
    SshTarget target{.address = report.address,
                     .port = 22,
                     .host_alias = made.identity.host_alias,
                     .user = job.user,
                     .directory = made.ledger.user_directory()};
    if (const auto* forwarded = std::get_if<ForwardedInterface>(&interface)) {
        target.address = "127.0.0.1";
        target.port = forwarded->port;
    }
    return target;
}

JobEnd run_in_guest(const Job& job, const Profile& profile, const Settings& settings,
                    const InstallPaths& paths, const Made& made, Hypervisor& hypervisor, Phases& phases,
                    Interruption& interruption)
{
    const StartedGuest guest = start_guest(job, profile, settings, paths, made, hypervisor, phases);
    interruption.check();
    const auto guest_runs = [&] {
        return hypervisor.is_running(made.identity.uuid, Deadline::in(settings.limits.start));
    };
    JobEnd end;
    end.guest = phases.run("ready", [&] {
        return wait_ready({guest.share_directory, made.nonce, guest.console, guest_runs},
                          Deadline::in(settings.limits.ready), interruption);
    });
    const SshConnection connection = phases.run("connect", [&] {
        const Deadline deadline = Deadline::in(settings.limits.connect);
        SshConnection opened =
            SshConnection::open(target_of(guest.interface, end.guest, job, made), deadline, interruption);
        send_script(opened, job, profile, made.found.script, guest.environment, deadline);
        return opened;
    });
    end.exit_code = phases.run("run", [&] { return run_script(connection, guest_runs, interruption); });
    return end;
}

} // namespace

JobEnd run_job(const Job& job, const Profile& profile, const Settings& settings, const InstallPaths& paths,
               Phases& phases, Interruption& interruption)
{
    const auto hypervisor =
        make_hypervisor(profile.hypervisor, settings.hypervisor, paths, settings.state_dir);
    const Findings found =
        phases.run("check", [&] { return look_first(job, profile, settings, *hypervisor); });

    const std::string nonce = ctx::random_hex(16);
    const GuestIdentity identity = derive_identity(job.id, nonce);
    const JobRecord record{.id = job.id,
                           .nonce = nonce,
                           .uuid = identity.uuid,
                           .user = job.user.name,
                           .profile = profile.name,
                           .hypervisor = profile.hypervisor,
                           .created = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())};
    Ledger ledger = Ledger::create(settings.state_dir, record, found.qemu.gid);
    const auto remove = [&] { remove_job(ledger, *hypervisor, Deadline::in(settings.limits.remove)); };
    try {
        JobEnd end = run_in_guest(job, profile, settings, paths, Made{ledger, identity, found, nonce},
                                  *hypervisor, phases, interruption);
        try {
            phases.run("remove", remove);
        } catch (const Error& error) {
            end.leftover = error.what();
        }
        return end;
    } catch (Error& error) {
        try {
            remove();
        } catch (const Error& second) {
            error.add_context("removing what was made (" + std::string(second.what()) +
                              "; 'vmbatch job gc' will try again)");
        }
        throw;
    } catch (const Interrupted&) {
        try {
            remove();
        } catch (const Error&) { // NOLINT(bugprone-empty-catch): the ledger is still there, gc will try again
        }
        throw;
    }
}

} // namespace runner
