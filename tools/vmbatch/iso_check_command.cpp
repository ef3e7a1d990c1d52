#include "iso_check_command.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>
#include <ctx/check/read_machine.hpp>
#include <ctx/check/report.hpp>

#include "common_options.hpp"

namespace {

namespace check = ctx::check;
using nlohmann::json;

constexpr const char* description = R"(Say what a guest will do with these discs and disks, before it boots.

Reads discs, ours or anyone's, as each kind of guest would, and tells in order: which disc and which of its formats
the guest takes and why not the others, what each of its stages reads and passes over, which keys take effect, what is
heard twice, which disk it takes for itself. A finding has an id, a place and a reason, and says how to mend it. Without
--guest, all guests are gone through: name the one you have.

Discs are sr0, sr1 … to the guest, in the order given, unless DISC@DEVICE says otherwise. Disks, raw or qcow2, are vdb,
vdc …, for vda is the guest's own image, unless IMAGE@DEVICE says otherwise; ":ro" attaches them read-only. A disk may
be the context, too: a vfat.)";

constexpr const char* footer = R"(
Example:
  vmbatch iso check context.iso --guest cernvm4
  vmbatch iso check context.iso --disk scratch.img --guest cernvm3
  vmbatch iso check --disk context.img@vdc:ro --disk scratch.img --guest cernvm4 --json

Exit codes: 0 the context would be applied, or what is known of the guest does not settle it (with --strict: 1);
1 it would not be applied, or not all of it, data would be lost or the boot would hang; or a disc cannot be read.)";

struct Options {
    std::vector<std::string> discs;
    std::vector<std::string> disks;
    std::vector<std::string> guests;
    bool as_json = false;
    bool strict = false;
};

struct Attached {
    std::string file;
    std::string device;
};

// FILE or FILE@DEVICE.
Attached attached(const std::string& text, std::string usual_device)
{
    static const std::regex with_device("(.+)@((sr|[hsv]d|xvd)[a-z0-9]+)");
    std::smatch parts;
    if (!std::filesystem::exists(text) && std::regex_match(text, parts, with_device))
        return {.file = parts[1], .device = parts[2]};
    return {.file = text, .device = std::move(usual_device)};
}

check::Machine read_machine(const Options& options)
{
    const ctx::Deadline deadline = ctx::Deadline::in(std::chrono::minutes(10));
    check::Machine machine;
    for (const std::string& disc : options.discs) {
        const Attached one = attached(disc, fmt::format("sr{}", machine.media.size()));
        machine.media.push_back(check::read_medium(one.file, one.device, deadline));
    }
    for (const std::string& disk : options.disks) {
        constexpr std::string_view read_only = ":ro";
        const bool writable = !disk.ends_with(read_only);
        const char letter = static_cast<char>('b' + machine.disks.size() % 25);
        const Attached one = attached(writable ? disk : disk.substr(0, disk.size() - read_only.size()),
                                      std::string("vd") + letter);
        ctx::while_doing("reading the disk " + ctx::printable(one.file),
                         [&] { check::add_disk(machine, one.file, one.device, writable, deadline); });
    }
    return machine;
}

json as_json(const check::Report& report)
{
    json steps = json::array();
    for (const check::Step& step : report.steps)
        steps.push_back({{"stage", step.stage},
                         {"action", step.action},
                         {"reads", step.reads},
                         {"ignores", step.ignores}});
    json findings = json::array();
    for (const check::Finding& finding : report.findings)
        findings.push_back({{"id", finding.id},
                            {"severity", to_string(finding.severity)},
                            {"place", finding.place},
                            {"reason", finding.reason},
                            {"remedy", finding.remedy}});
    return {{"guest", report.guest},
            {"title", report.title},
            {"verdict", to_string(report.verdict)},
            {"steps", std::move(steps)},
            {"findings", std::move(findings)}};
}

void print(const std::vector<check::Report>& reports, bool json_wanted)
{
    if (!json_wanted) {
        for (const check::Report& report : reports)
            fmt::print("{}{}", &report == &reports.front() ? "" : "\n", to_text(report));
        return;
    }
    json guests = json::array();
    for (const check::Report& report : reports) guests.push_back(as_json(report));
    const json whole = {{"schema", 1}, {"guests", std::move(guests)}};
    // Bytes of a disc need not be UTF-8.
    std::cout << whole.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
}

void run(const Options& options, CommonOptions& common)
{
    const check::Machine machine = read_machine(options);
    std::vector<check::Report> reports;
    for (const std::string& guest : options.guests.empty() ? check::guest_names() : options.guests)
        reports.push_back(check::predict(machine, guest));
    print(reports, options.as_json);
    const bool bad = std::ranges::any_of(reports, [&](const check::Report& report) {
        return report.has(check::Severity::error) || (options.strict && report.has(check::Severity::unknown));
    });
    if (bad) common.exit_code = static_cast<int>(ctx::ExitCode::user);
}

} // namespace

void add_iso_check_command(CLI::App& noun, CommonOptions& common)
{
    auto options = std::make_shared<Options>();
    CLI::App* command = noun.add_subcommand("check", description);
    command->footer(footer);
    CLI::Option* discs =
        command->add_option("DISC", options->discs, "the discs, in the order in which they are attached");
    CLI::Option* disks = command
                             ->add_option("--disk", options->disks,
                                          "a disk: IMAGE, IMAGE:ro, IMAGE@vdc:ro; may be said more than once")
                             ->type_name("IMAGE")
                             ->allow_extra_args(false);
    command->add_option("--guest", options->guests, ctx::join(check::guest_names(), ", "))
        ->type_name("G")
        ->allow_extra_args(false);
    command->add_flag("--json", options->as_json, "print JSON, schema 1");
    command->add_flag("--strict", options->strict, "exit 1 for what is not known, too");
    command->callback([options, discs, disks, &common] {
        if (discs->empty() && disks->empty()) throw CLI::RequiredError("DISC or --disk");
        run(*options, common);
    });
}
