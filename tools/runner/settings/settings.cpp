#include "settings.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>
#include <ctx/base/names.hpp>
#include <ctx/base/text.hpp>
#include <ctx/context_file.hpp>
#include <ctx/strict_toml.hpp>

#include "../hypervisor/hypervisor.hpp"
#include "../job/job_variables.hpp"
#include "image_settings.hpp"
#include "recorder.hpp"

namespace runner {

using ctx::Blame;
using ctx::Error;
using ctx::TomlReader;

namespace {

constexpr std::uint64_t least_memory = 64ULL << 20;

HypervisorSettings read_hypervisor(TomlReader in, Recorder& record)
{
    HypervisorSettings result;
    result.uri = record.text(in, "uri", "qemu:///system");
    result.accel = record.choice(in, "accel", {"auto", "kvm", "tcg"}, "auto");
    result.qemu_user = record.text(in, "qemu_user", "libvirt-qemu");
    result.restart = in.texts("restart");
    record.note_read(in, "restart", result.restart.empty() ? "[]" : ctx::join(result.restart, " "));
    if (!result.restart.empty()) require_absolute(in, "restart", result.restart.front());
    result.restart_at_most = static_cast<unsigned>(record.integer(in, "restart_at_most", 0, 1000, 3));
    result.memory_limit = record.size(in, "memory_limit", 0, 0);
    result.pid_file = record.text(in, "pid_file", "/run/libvirtd.pid");
    require_absolute(in, "pid_file", result.pid_file);
    result.patience = record.seconds(in, "patience", 10);
    in.finish();
    return result;
}

Error no_source(const TomlReader& share)
{
    return share.error("source", "must say where guests find the share, as \"10.0.0.1:/vmbatch\"");
}

ShareSettings read_share(TomlReader in, Recorder& record)
{
    ShareSettings result;
    result.directory = record.text(in, "directory", "/srv/vmbatch/share");
    require_absolute(in, "directory", result.directory);
    result.source = record.text(in, "source", "");
    if (!result.source.empty() && result.source.find(":/") == std::string::npos) throw no_source(in);
    result.mount = record.text(in, "mount", "/vmbatch");
    require_absolute(in, "mount", result.mount);
    result.type = record.choice(in, "type", {"nfs", "nfs4"}, "nfs4");
    result.options = record.text(in, "options", "vers=4.1");
    result.probe = record.text(in, "probe", "");
    constexpr std::int64_t nobody = 65534;
    result.anonymous_uid = static_cast<uid_t>(record.integer(in, "anonymous_uid", 1, 0xfffffffe, nobody));
    result.anonymous_gid = static_cast<gid_t>(record.integer(in, "anonymous_gid", 1, 0xfffffffe, nobody));
    in.finish();
    return result;
}

PhaseLimits read_limits(TomlReader in, Recorder& record)
{
    PhaseLimits result;
    result.fetch = record.seconds(in, "fetch", 600);
    result.prepare = record.seconds(in, "prepare", 60);
    result.start = record.seconds(in, "start", 60);
    result.ready = record.seconds(in, "ready", 300);
    result.connect = record.seconds(in, "connect", 60);
    result.remove = record.seconds(in, "remove", 30);
    in.finish();
    return result;
}

GuestNetwork read_network(TomlReader in, Recorder& record)
{
    const std::string type = record.choice(in, "type", {"bridge", "user"}, "user");
    GuestNetwork result = UserNetwork{};
    if (type == "bridge") {
        BridgeNetwork bridge{record.text(in, "bridge", "")};
        if (!ctx::is_plain_name(bridge.bridge)) throw in.error("bridge", "must name a bridge of this host");
        result = bridge;
    }
    in.finish();
    return result;
}

ctx::Mount read_mount(TomlReader in)
{
    ctx::Mount mount;
    mount.source = in.text("source");
    mount.target = in.text("target");
    mount.type = in.text_or("type", "nfs4");
    mount.options = in.text_or("options", "");
    require_absolute(in, "target", mount.target);
    in.finish();
    return mount;
}

// libvirt's names. vda is the system's.
std::string read_disc_drive(TomlReader& in, Recorder& record, ctx::DiscFormat format)
{
    const bool is_disk = format == ctx::DiscFormat::vfat;
    const std::string drive = record.text(in, "disc", is_disk ? "vdb" : "hda");
    const bool is_name = drive.size() == 3 && drive[1] == 'd' && drive != "vda";
    const char last = is_name ? drive[2] : ' ';
    const bool is_known = is_name && ((drive[0] == 'h' && last >= 'a' && last <= 'd') ||
                                      ((drive[0] == 's' || drive[0] == 'v') && last >= 'a' && last <= 'z'));
    if (!is_known)
        throw in.error(
            "disc", fmt::format("'{}' is no drive for a context disc: hda to hdd, sda to sdz or vdb to vdz",
                                ctx::printable(drive)));
    // QEMU has no IDE disks that are read-only, and µCernVM would take a writable one for its cache.
    if (is_disk && drive[0] == 'h')
        throw in.error(
            "disc",
            fmt::format("'{}' can only be a CD drive, and a CD is no vfat: sda to sdz or vdb to vdz", drive));
    return drive;
}

Profile read_profile(const std::string& name, TomlReader in, Recorder& record)
{
    if (!ctx::is_plain_name(name))
        throw in.error("", "a profile's name is made of letters, digits, '.', '_' and '-'");
    Profile result;
    result.name = name;
    result.image = record.text(in, "image", name);
    result.hypervisor = record.choice(in, "hypervisor", hypervisor_names(), "qemu");
    result.method = record.choice(in, "method", {"CDROM"}, "CDROM");
    result.disc_format =
        ctx::disc_format_from_name(record.choice(in, "disc_format", ctx::disc_format_names(), "iso"));
    result.disc_drive = read_disc_drive(in, record, result.disc_format);
    result.dialect = ctx::dialect_from_name(record.choice(in, "dialect", ctx::dialect_names(), "nocloud"));
    result.domain_template = record.text(in, "template", result.hypervisor + ".xml");

    TomlReader vcpus = in.table("vcpus");
    result.vcpus_max = static_cast<unsigned>(record.integer(vcpus, "max", 1, 1024, 1));
    result.vcpus_default = static_cast<unsigned>(record.integer(vcpus, "default", 1, result.vcpus_max, 1));
    vcpus.finish();

    TomlReader memory = in.table("memory");
    result.memory_max = record.size(memory, "max", least_memory, 1ULL << 30);
    result.memory_default = record.size(memory, "default", least_memory, result.memory_max);
    if (result.memory_default > result.memory_max) throw memory.error("default", "is more than max");
    memory.finish();

    result.create_workdir = record.boolean(in, "create_workdir", false);
    result.network = read_network(in.table("network"), record);
    result.reports_by_channel = record.choice(in, "ready", {"share", "channel"}, "share") == "channel";
    if (const auto source = in.maybe_text("share_source")) {
        result.share_source = *source;
        record.note_read(in, "share_source", *source);
    }
    if (const auto file = in.maybe_text("context")) {
        result.context_file = *file;
        require_absolute(in, "context", *file);
        record.note_read(in, "context", *file);
    }
    for (TomlReader& mount : in.tables("mount")) {
        result.mounts.push_back(read_mount(mount));
        record.note(in.full_name("mount"), result.mounts.back().source + " on " + result.mounts.back().target,
                    mount.place(""));
    }
    for (auto& [key, value] : in.named_texts("environment")) {
        if (!ctx::is_environment_name(key))
            throw in.error("environment", "'" + ctx::printable(key) + "' is no name");
        record.note(in.full_name("environment") + "." + key, value, in.place("environment"));
        result.environment.emplace(key, value);
    }
    in.finish();
    return result;
}

LogSettings read_log(TomlReader in, Recorder& record)
{
    LogSettings result;
    result.file = record.text(in, "file", "");
    if (!result.file.empty()) require_absolute(in, "file", result.file);
    result.syslog = record.boolean(in, "syslog", false);
    in.finish();
    return result;
}

void read_batch_systems(TomlReader& root, Recorder& record, Settings& result)
{
    for (auto& [name, in] : root.named_tables("queue")) {
        Queue queue{in.texts("profiles")};
        for (const std::string& profile : queue.profiles) {
            if (!result.profiles.contains(profile))
                throw in.error("profiles", fmt::format("there is no [profile.{}]", ctx::printable(profile)));
        }
        record.note_read(in, "profiles", ctx::join(queue.profiles, ", "));
        in.finish();
        result.queues.emplace(name, std::move(queue));
    }
    TomlReader torque = root.table("torque");
    result.torque.prologalarm = record.seconds(torque, "prologalarm", 300);
    torque.finish();
    TomlReader slurm = root.table("slurm");
    result.slurm.prolog_timeout = record.seconds(slurm, "prolog_timeout", 300);
    result.slurm.commands = record.text(slurm, "commands", "/usr/bin");
    require_absolute(slurm, "commands", result.slurm.commands);
    slurm.finish();
}

Settings read(const ctx::TomlDocument& document, const std::string& file, const Overrides& overrides)
{
    TomlReader root(document, Blame::node);
    Recorder record(overrides);
    Settings result;
    result.file = file;
    if (root.integer("schema", 1, 1) != 1) throw root.error("schema", "only schema 1 is known");

    TomlReader paths = root.table("paths");
    result.cache_dir = record.text(paths, "cache_dir", "/var/cache/vmbatch");
    result.state_dir = record.text(paths, "state_dir", "/var/lib/vmbatch");
    require_absolute(paths, "cache_dir", result.cache_dir);
    require_absolute(paths, "state_dir", result.state_dir);
    paths.finish();

    result.hypervisor = read_hypervisor(root.table("hypervisor"), record);
    result.share = read_share(root.table("share"), record);
    result.limits = read_limits(root.table("deadlines"), record);

    for (auto& [name, reader] : root.named_tables("profile"))
        result.profiles.emplace(name, read_profile(name, reader, record));
    if (result.profiles.empty()) throw root.error("profile", "there must be at least one [profile.NAME]");
    const bool needs_share = std::ranges::any_of(
        result.profiles, [](const auto& entry) { return !entry.second.reports_by_channel; });
    if (needs_share && result.share.source.empty()) throw no_source(root.table("share"));

    TomlReader jobs = root.table("jobs");
    result.default_profile = record.text(jobs, "default_profile", result.profiles.begin()->first);
    if (!result.profiles.contains(result.default_profile))
        throw jobs.error("default_profile",
                         fmt::format("there is no [profile.{}]", ctx::printable(result.default_profile)));
    jobs.finish();
    read_batch_systems(root, record, result);
    result.log = read_log(root.table("log"), record);
    result.images = read_image_settings(root, record);
    root.finish();

    result.origins = record.take();
    return result;
}

} // namespace

const Profile& Settings::profile(const std::string& name) const
{
    if (const auto found = profiles.find(name); found != profiles.end()) return found->second;
    std::vector<std::string> names;
    for (const auto& [known, ignored] : profiles) names.push_back(known);
    std::string remedy = "profiles in " + file + ": " + ctx::join(names, ", ");
    if (const auto close = ctx::nearest(name, names)) remedy += "; did you mean '" + *close + "'?";
    throw Error(Blame::user, "there is no such profile")
        .at("'" + ctx::printable(name) + "'")
        .mend(std::move(remedy));
}

Settings read_settings(const std::string& file, const Overrides& overrides)
{
    std::string text;
    try {
        text = ctx::read_file(file, 1 << 20);
    } catch (const Error& error) {
        throw Error(Blame::node, "the configuration cannot be read")
            .at(file)
            .because(error.reason().empty() ? error.problem() : error.reason())
            .mend("write one (templates/vmbatch.toml is a commented start) or name it with --config");
    }
    return parse_settings(text, file, overrides);
}

Settings parse_settings(std::string_view text, const std::string& name, const Overrides& overrides)
{
    const ctx::TomlDocument document = ctx::parse_toml(text, name, Blame::node);
    return read(document, name, overrides);
}

std::filesystem::path domain_template(const Profile& profile, const InstallPaths& paths)
{
    const auto file = paths.share / "templates" / profile.domain_template; // an absolute one stays as it is
    if (!std::filesystem::exists(file))
        throw Error(Blame::node, "the domain template of profile '" + profile.name + "' is not there")
            .at(file.string())
            .mend("correct the profile's template");
    return file;
}

void check_settings(const Settings& settings, const InstallPaths& paths)
{
    for (const auto& [name, profile] : settings.profiles) {
        domain_template(profile, paths);
        if (!profile.context_file) continue;
        // The job's values are not known yet; any will do to check the rest.
        ctx::while_doing("checking the context of profile '" + name + "'", [&] {
            ctx::read_context(profile.context_file->string(), sample_variables(name), Blame::node);
        });
    }
}

} // namespace runner
