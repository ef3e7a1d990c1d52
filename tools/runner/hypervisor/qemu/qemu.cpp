#include "qemu.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include <nlohmann/json.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>

#include "../../journal/counters.hpp"
#include "accel.hpp"
#include "domain_xml.hpp"
#include "process.hpp"

namespace runner::qemu {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ctx::Blame;
using ctx::Deadline;
using ctx::Error;
using nlohmann::json;

namespace {

// Some drivers start a guest whose disk is not there.
void check_disks(const std::string& xml)
{
    for (const fs::path& file : disks_of(xml)) {
        std::error_code error;
        const fs::file_status status = fs::status(file, error);
        if (fs::is_regular_file(status) || fs::is_block_file(status)) continue;
        throw Error(Blame::node, "a disk of the guest is gone")
            .at(file.string())
            .because(fs::exists(status) ? "what is there is no disk" : "there is no such file")
            .mend("see who removes files there, and whether the profile's template names the right ones");
    }
}

} // namespace

Qemu::Qemu(const HypervisorSettings& settings, InstallPaths paths, fs::path state_dir)
    : libvirt_(settings, paths.libexec / "libvirt-helper", state_dir / "host"), accel_(settings.accel),
      paths_(std::move(paths)), state_dir_(std::move(state_dir))
{
}

void Qemu::check(const Deadline& deadline)
{
    libvirt_.ask({"ping"}, deadline);
    libvirt_.limit_memory(deadline);
}

std::string Qemu::domain_xml(const GuestSpec& spec) const
{
    const AccelChoice accel = choose_accel({.setting = accel_,
                                            .memory_file = state_dir_ / "host" / "accel.json",
                                            .probe_image = paths_.share / "accel-probe.img",
                                            .run_as = ctx::Credentials{spec.uid, spec.gid, {}}});
    constexpr std::size_t template_limit = 1 << 20;
    return fill_domain_xml(ctx::read_file(spec.domain_template, template_limit),
                           spec.domain_template.string(), spec, accel.accel);
}

void Qemu::start(const GuestSpec& spec, const Deadline& deadline)
{
    const std::string xml = domain_xml(spec);
    constexpr int tries = 3;
    int refusals = 0;
    for (int attempt = 1;; ++attempt) {
        check_disks(xml);
        const std::uint64_t seen = libvirt_.restarts();
        const Reply reply = libvirt_.call({"start"}, libvirt_.call_limit(deadline), xml);
        if (reply.outcome == Outcome::done) return;
        const bool silent = reply.outcome == Outcome::hung || reply.outcome == Outcome::unreachable;
        if (reply.outcome == Outcome::wrong || attempt == tries || deadline.passed() ||
            (silent && !libvirt_.can_mend()))
            throw libvirt_.error(reply, "start");
        add_counts(state_dir_ / "host", {{.name = "start_retries_total", .labels = {}}});
        if (reply.outcome == Outcome::refused) ++refusals;
        if (silent || (refusals > 1 && libvirt_.can_mend()))
            libvirt_.mend(reply, seen, deadline);
        else
            std::this_thread::sleep_for(std::min<std::chrono::milliseconds>(500ms, deadline.left()));
        // It may have been begun. The helper lets a guest run only when libvirt has said that it is there, so
        // one that we heard nothing of has done nothing to its disk.
        destroy(spec.uuid, deadline);
    }
}

bool Qemu::is_running(const std::string& uuid, const Deadline& deadline)
{
    if (has_process(uuid, last_process_)) return true;
    return json::parse(libvirt_.ask({"running", uuid}, deadline)).at("running").get<bool>();
}

bool Qemu::destroy(const std::string& uuid, const Deadline& deadline)
{
    bool known = false;
    try {
        known = json::parse(libvirt_.ask({"destroy", uuid}, deadline)).at("found").get<bool>();
    } catch (const Error&) {
        // It shall not go on working; that libvirt may have it on its books still is for another time.
        end_process(uuid, Deadline::in(1s));
        throw;
    }
    const bool lingered = end_process(uuid, deadline);
    return known || lingered;
}

std::string Qemu::console(const std::string& uuid, const Deadline& deadline)
{
    return console_of(json::parse(libvirt_.ask({"describe", uuid}, deadline)).at("xml").get<std::string>());
}

std::vector<RunningGuest> Qemu::list(const Deadline& deadline)
{
    std::vector<RunningGuest> guests;
    const json answer = json::parse(libvirt_.ask({"list", metadata_namespace}, deadline));
    for (const json& domain : answer.at("domains")) {
        if (const auto tag = read_tag(domain.at("metadata").get<std::string>()))
            guests.push_back({domain.at("uuid"), domain.at("name"), *tag});
    }
    for (const QemuProcess& process : qemu_processes(state_dir_)) {
        if (process.job_id.empty()) continue;
        if (std::ranges::any_of(guests, [&](const auto& guest) { return guest.uuid == process.uuid; }))
            continue;
        guests.push_back({process.uuid, process.name, {process.job_id, "", state_dir_.string()}});
    }
    return guests;
}

} // namespace runner::qemu
