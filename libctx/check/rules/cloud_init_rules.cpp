#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ctx/base/text.hpp>

#include "check/rules/rules.hpp"
#include "check/userdata/cloud_parts.hpp"
#include "check/userdata/lines.hpp"

namespace ctx::check {

namespace {

void hear_cloud_config(Hearing& hearing, const CloudPart& part, const std::string& where)
{
    const CloudConfig config = read_cloud_config(part.text);
    if (!config.fault.empty()) {
        // A file of comments alone says nothing, and nothing is wrong with it.
        if (config.keys.empty() && config.line == 0 &&
            trimmed(part.text).find('\n') == std::string_view::npos) {
            hearing.reads("an empty cloud-config");
            return;
        }
        hearing.partly = true;
        hearing.find("cloud-config-broken", Severity::error,
                     where + (config.line == 0 ? "" : fmt::format("line {}", config.line)),
                     "cloud-init takes nothing of it: " + printable(config.fault), "mend the YAML");
        return;
    }
    for (const std::string& key : config.twice)
        hearing.find("cloud-config-key-twice", Severity::warning, where + printable(key),
                     "the key is there twice: the last one counts", "make one of them");
    std::vector<std::string> keys;
    for (const std::string& key : config.keys) keys.push_back(printable(key));
    hearing.reads("cloud-config: " + join(keys, ", "));
    hearing.heard = true;
    hearing.guarded = hearing.guarded && is_guarded(part.text);
}

void hear_unknown(Hearing& hearing, const CloudPart& part, const std::string& where)
{
    const std::string line = lower(trimmed(first_line(part.text)));
    if (part.type.empty() && line.find("cloud-config") != std::string::npos) {
        hearing.partly = true;
        hearing.find("cloud-config-first-line", Severity::error, where,
                     "the first line is not '#cloud-config': cloud-init takes it for nothing",
                     "begin with '#cloud-config', in lower case, without blanks");
        return;
    }
    hearing.ignores(part.type.empty()
                        ? "user data that begin with '" + printable(first_line(part.text), 40) + "'"
                        : "a part of type " + printable(part.type));
    if (!part.type.empty())
        hearing.find("mime-type", Severity::warning, where,
                     "cloud-init has no use for " + printable(part.type));
}

void hear_part(Hearing& hearing, const CloudPart& part, const std::string& where)
{
    using Kind = CloudPart::Kind;
    switch (part.kind) {
    case Kind::nothing: return;
    case Kind::cloud_config: hear_cloud_config(hearing, part, where); return;
    case Kind::unknown: hear_unknown(hearing, part, where); return;
    case Kind::gzip:
        hearing.in_doubt = true;
        hearing.find("gzip", Severity::unknown, where,
                     "user data in gzip are unpacked, but were not looked into here",
                     "do not compress user data");
        return;
    case Kind::include:
    case Kind::template_:
        hearing.in_doubt = true;
        hearing.reads(std::string(to_string(part.kind)));
        hearing.find("not-looked-into", Severity::unknown, where,
                     std::string(to_string(part.kind)) + ": what becomes of it is known in the guest only");
        return;
    case Kind::script:
    case Kind::boothook:
    case Kind::part_handler:
        hearing.reads(std::string(to_string(part.kind)));
        hearing.heard = true;
        hearing.guarded = hearing.guarded && is_guarded(part.text);
        return;
    }
}

// A new instance-id is how cloud-init knows a new machine.
void check_nocloud(Hearing& hearing)
{
    const CloudConfig data = read_cloud_config(hearing.found.from.medium->text("meta-data"));
    for (const std::string& key : data.keys) {
        if (key != "instance-id") continue;
        hearing.reads("meta-data: instance-id");
        return;
    }
    hearing.find("no-instance-id", Severity::warning, "meta-data",
                 "no instance-id: a disk that was booted before keeps what it was told then",
                 "write a new one for each machine: instance-id: …");
}

void check_config_drive(Hearing& hearing)
{
    const std::string_view text = hearing.found.from.medium->text("openstack/latest/meta_data.json");
    const auto data = nlohmann::json::parse(text, nullptr, false);
    if (data.is_object() && data.contains("uuid")) {
        hearing.reads("meta_data.json: uuid");
        return;
    }
    hearing.partly = true;
    hearing.find("no-uuid", Severity::error, "openstack/latest/meta_data.json",
                 data.is_discarded() ? "it is no JSON" : "it has no uuid",
                 "write a new uuid for each machine");
}

} // namespace

void obey_cloud_init(Hearing& hearing)
{
    const std::string& format = hearing.found.from.format->name;
    if (hearing.step.stage == "cloud-init" && format == "NoCloud") check_nocloud(hearing);
    // The boot loader's format has the same name, and is of another kind.
    if (format == "ConfigDrive" && hearing.found.from.medium->has("openstack/latest/meta_data.json"))
        check_config_drive(hearing);
    if (!hearing.found.user_data) return;
    const CloudUserData data = read_cloud_user_data(*hearing.found.user_data);
    if (!data.fault.empty()) {
        hearing.partly = true;
        hearing.find("mime-broken", Severity::error, "", printable(data.fault), "mend the message");
    }
    std::size_t number = 0;
    for (const CloudPart& part : data.parts)
        hear_part(hearing, part, data.mime ? fmt::format("part {} ", ++number) : std::string());
}

void obey_cloud_init_ssh_key(Hearing& hearing)
{
    const ShellVariables& variables = hearing.found.variables;
    if (variables.value("SSH_KEY").empty() && variables.value("SSH_PUBLIC_KEY").empty()) return;
    hearing.reads("SSH_KEY");
    hearing.heard = true;
}

} // namespace ctx::check
