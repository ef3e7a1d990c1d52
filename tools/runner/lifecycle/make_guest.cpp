#include "make_guest.hpp"

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <utility>

#include <unistd.h>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>
#include <ctx/base/random.hpp>
#include <ctx/dialect.hpp>
#include <ctx/disc.hpp>

#include "../guest/ready_channel.hpp"
#include "../ledger/owner.hpp"
#include "../network.hpp"
#include "../resources/check_archives.hpp"
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
using ctx::Error;

namespace {

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

// What is made on the host before there is a guest.
struct Prepared {
    fs::path share_directory; // "" where the guest reports by its channel
    std::map<std::string, std::string> environment;
};

void give_to(const Account& account, const fs::path& file)
{
    if (::lchown(file.c_str(), account.uid, account.gid) < 0)
        throw ctx::system_error("cannot give to QEMU's user", file.string(), errno);
}

Prepared prepare(const GuestPlan& plan, const Findings& found, const GuestIdentity& identity, Ledger& ledger)
{
    const Settings& settings = plan.settings;
    const ctx::Deadline deadline = plan.time.within(plan.time.phases.prepare);
    const image_cache::Image image =
        ledger.make(ImageLease{settings.cache_dir, found.image, plan.job.id, ledger.directory()});
    const std::string share_name = share_prefix(settings.state_dir) + ctx::random_hex(16);
    Prepared result;
    if (!plan.profile.reports_by_channel) {
        const Account writer = share_account(plan.job.user, settings.share);
        result.share_directory =
            ledger.make(ShareDirectory{settings.share.directory, share_name, writer.uid, writer.gid});
    }
    const JobKeys keys = make_job_keys(ledger, plan.job.user, identity.host_alias, deadline);
    const ctx::Context context = job_context({.job = plan.job,
                                              .profile = plan.profile,
                                              .share = settings.share,
                                              .identity = identity,
                                              .keys = keys,
                                              .nonce = ledger.job().nonce,
                                              .share_name = share_name,
                                              .job_shim = plan.paths.share / "guest" / "job-shim"});
    check_archives(context, plan.paths, deadline);
    result.environment = context.environment;

    const fs::path disk = ledger.disk_directory();
    make_overlay(disk / overlay_name, image, found.qemu.uid, found.qemu.gid, deadline);
    reached(Step::overlay_made);
    ctx::write_disc(ctx::render(context, plan.profile.dialect), disk / disc_name,
                    {.format = plan.profile.disc_format});
    ctx::write_file(disk / console_name, "", 0600);
    give_to(found.qemu, disk / disc_name);
    give_to(found.qemu, disk / console_name);
    reached(Step::disc_made);
    return result;
}

GuestSpec describe(const GuestPlan& plan, const Findings& found, const GuestIdentity& identity,
                   const Ledger& ledger)
{
    const fs::path disk = ledger.disk_directory();
    GuestSpec spec;
    spec.name = "vmbatch-" + plan.job.id;
    spec.uuid = identity.uuid;
    spec.tag = {plan.job.id, ledger.job().nonce, plan.settings.state_dir.string()};
    spec.vcpus = found.resources.vcpus;
    spec.memory = found.resources.memory;
    spec.overlay = disk / overlay_name;
    spec.disc = disk / disc_name;
    spec.disc_drive = plan.profile.disc_drive;
    spec.disc_is_cd = plan.profile.disc_format == ctx::DiscFormat::iso;
    spec.console = disk / console_name;
    if (plan.profile.reports_by_channel) spec.channel = disk / ready_socket_name;
    spec.base = found.image.path;
    spec.base_format = image_cache::to_string(found.image.format);
    spec.domain_template = domain_template(plan.profile, plan.paths);
    spec.interface = interface_of(plan.profile.network, identity.mac);
    spec.uid = found.qemu.uid;
    spec.gid = found.qemu.gid;
    return spec;
}

SshTarget target_of(const GuestInterface& interface, const GuestReport& report, const Job& job,
                    const GuestIdentity& identity, const Ledger& ledger)
{
    SshTarget target{.address = report.address,
                     .host_alias = identity.host_alias,
                     .user = job.user.name,
                     .run_as = ctx::Credentials{job.user.uid, job.user.group.gid, {}},
                     .directory = ledger.user_directory()};
    for (const ctx::Group& group : job.user.groups) target.run_as->groups.push_back(group.gid);
    if (const auto* forwarded = std::get_if<ForwardedInterface>(&interface)) {
        target.address = "127.0.0.1";
        target.port = forwarded->port;
    }
    return target;
}

} // namespace

JobRecord new_record(const Job& job, const std::string& profile, const std::string& hypervisor)
{
    const std::string nonce = ctx::random_hex(16);
    const auto now = std::chrono::system_clock::now();
    return {.id = job.id,
            .nonce = nonce,
            .uuid = derive_identity(job.id, nonce).uuid,
            .user = job.user.name,
            .profile = profile,
            .hypervisor = hypervisor,
            .created = std::chrono::system_clock::to_time_t(now),
            .boot = host_boot_id()};
}

ReadyGuest make_guest(const GuestPlan& plan, const Findings& found, Ledger& ledger, Hypervisor& hypervisor,
                      Phases& phases, Interruption& interruption)
{
    const TimeLimits& time = plan.time;
    const GuestIdentity identity = derive_identity(plan.job.id, ledger.job().nonce);
    const Prepared prepared = phases.run("prepare", [&] { return prepare(plan, found, identity, ledger); });
    interruption.check();
    const GuestSpec spec = describe(plan, found, identity, ledger);
    phases.run("start", [&] { ledger.make(Domain{&hypervisor, spec, time.within(time.phases.start)}); });
    interruption.check();
    ReadyGuest guest;
    guest.report = phases.run("ready", [&] {
        const auto guest_runs = [&] {
            return hypervisor.is_running(identity.uuid, time.within(time.phases.start));
        };
        return wait_ready({.share_directory = prepared.share_directory,
                           .channel = spec.channel,
                           .nonce = ledger.job().nonce,
                           .console = spec.console,
                           .guest_runs = guest_runs},
                          time.within(time.phases.ready), interruption);
    });
    reached(Step::guest_ready);
    guest.ssh = target_of(spec.interface, guest.report, plan.job, identity, ledger);
    guest.environment = prepared.environment;
    return guest;
}

GuestAccess access_to(const ReadyGuest& guest, const Job& job, const std::string& batch_system,
                      const Settings& settings)
{
    return {.job_id = job.id,
            .batch_system = batch_system,
            .user = job.user,
            .address = guest.ssh.address,
            .port = guest.ssh.port,
            .host_alias = guest.ssh.host_alias,
            .environment = guest.environment,
            .connect = settings.limits.connect,
            .refused = {}};
}

void or_remove(Ledger& ledger, Hypervisor& hypervisor, const TimeLimits& time,
               const std::function<void()>& work)
{
    const auto remove = [&] { remove_job(ledger, hypervisor, time.for_removing()); };
    try {
        work();
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
