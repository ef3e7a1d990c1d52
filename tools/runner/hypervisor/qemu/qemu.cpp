#include "qemu.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>
#include <ctx/base/process.hpp>
#include <ctx/base/text.hpp>

#include "../../settings/settings.hpp"
#include "accel.hpp"
#include "domain_xml.hpp"

namespace runner::qemu {

using ctx::Blame;
using ctx::Error;
using nlohmann::json;

Qemu::Qemu(const HypervisorSettings& settings, InstallPaths paths, std::filesystem::path state_dir)
    : uri_(settings.uri), accel_(settings.accel), paths_(std::move(paths)), state_dir_(std::move(state_dir))
{
}

std::string Qemu::ask(const std::vector<std::string>& words, const ctx::Deadline& deadline,
                      const std::string& input)
{
    ctx::ProcessSpec spec{.argv = {(paths_.libexec / "libvirt-helper").string(), uri_}, .own_session = true};
    spec.argv.insert(spec.argv.end(), words.begin(), words.end());
    ctx::ProcessResult result;
    try {
        result = ctx::run(spec, deadline, input);
    } catch (const Error& error) {
        if (!error.timed_out()) throw;
        throw Error(Blame::node, "libvirt does not answer")
            .at(uri_)
            .because("'" + words.front() + "' did not return in time")
            .mend("look at libvirtd's log and restart libvirtd")
            .as_timeout();
    }
    if (result.status.success()) return std::move(result.output);

    const std::string why = ctx::printable(result.error_output, 400);
    constexpr int cannot_connect = 2; // see libvirt-helper
    if (result.status.code == cannot_connect)
        throw Error(Blame::node, "libvirt cannot be reached").at(uri_).because(why).mend("start libvirtd");
    throw Error(Blame::node, "libvirt refused '" + words.front() + "'")
        .at(uri_)
        .because(why)
        .mend("libvirtd's log says more; the profile's template may not suit this host");
}

void Qemu::check(const ctx::Deadline& deadline)
{
    ask({"ping"}, deadline);
}

void Qemu::start(const GuestSpec& spec, const ctx::Deadline& deadline)
{
    const AccelChoice accel = choose_accel({.setting = accel_,
                                            .memory_file = state_dir_ / "host" / "accel.json",
                                            .probe_image = paths_.share / "accel-probe.img",
                                            .run_as = ctx::Credentials{spec.uid, spec.gid, {}}});
    // Some drivers start a guest whose disk is not there.
    for (const auto& file : {spec.overlay, spec.base, spec.disc}) {
        if (!std::filesystem::exists(file))
            throw Error(Blame::node, "a disk of the guest is gone")
                .at(file.string())
                .mend("see who removes files there");
    }
    constexpr std::size_t template_limit = 1 << 20;
    const std::string xml = fill_domain_xml(ctx::read_file(spec.domain_template, template_limit),
                                            spec.domain_template.string(), spec, accel.accel);
    ask({"start"}, deadline, xml);
}

bool Qemu::is_running(const std::string& uuid, const ctx::Deadline& deadline)
{
    return json::parse(ask({"running", uuid}, deadline)).at("running").get<bool>();
}

bool Qemu::destroy(const std::string& uuid, const ctx::Deadline& deadline)
{
    return json::parse(ask({"destroy", uuid}, deadline)).at("found").get<bool>();
}

std::vector<RunningGuest> Qemu::list(const ctx::Deadline& deadline)
{
    std::vector<RunningGuest> guests;
    const json answer = json::parse(ask({"list", metadata_namespace}, deadline));
    for (const json& domain : answer.at("domains")) {
        if (const auto tag = read_tag(domain.at("metadata").get<std::string>()))
            guests.push_back({domain.at("uuid"), domain.at("name"), *tag});
    }
    return guests;
}

} // namespace runner::qemu
