// Verdicts over dialects, file systems, labels and disks, a golden file for each guest: a change of one is to
// be looked at. VMBATCH_UPDATE_GOLDEN=1 writes them anew.
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <set>
#include <variant>
#include <vector>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <ctx/base/file.hpp>
#include <ctx/base/text.hpp>
#include <ctx/dialect.hpp>

#include "../ctx/sample.hpp"
#include "machines.hpp"

using namespace machines;

namespace {

struct Named {
    std::string name;
    Medium medium;
};

Medium rendered(ctx::Dialect dialect)
{
    const ctx::DiscTree tree = ctx::render(sample_context(), dialect);
    Medium made = medium({}, tree.label);
    for (const auto& [path, file] : tree.files) {
        if (const auto* text = std::get_if<std::string>(&file.content))
            made.files[path] = {.content = *text};
        else
            made.files[path] = {};
    }
    return made;
}

// Ours, and what others make.
std::vector<Named> discs()
{
    std::vector<Named> all;
    for (const std::string& name : ctx::dialect_names())
        all.push_back({.name = name, .medium = rendered(ctx::dialect_from_name(name))});
    const std::string script =
        "#!/bin/sh\ntrue\nexit 0\n[amiconfig]\nplugins=cernvm\n[cernvm]\nproxy=DIRECT\n";
    all.push_back({.name = "user-data.txt", .medium = medium({{"user-data.txt", script}}, "vSphere")});
    all.push_back({.name = "both-trees",
                   .medium = medium({{"openstack/latest/user_data", script},
                                     {"openstack/latest/meta_data.json", R"({"uuid": "7"})"},
                                     {"ec2/latest/user-data", script},
                                     {"ec2/latest/meta-data.json", "{}"}},
                                    "config-2")});
    return all;
}

struct Disks {
    std::string name;
    std::vector<Disk> disks;
};

std::vector<Disks> all_disks()
{
    Disk whole = blank_disk("vdc");
    whole.blank = false;
    whole.filesystem = FileSystem::ext4;
    whole.label = "UROOT";
    return {{.name = "none", .disks = {}},
            {.name = "blank", .disks = {blank_disk("vdc")}},
            {.name = "warm", .disks = {disk_with({.filesystem = FileSystem::ext4, .label = "UROOT"}, "vdc")}},
            {.name = "whole-ext4", .disks = {whole}},
            {.name = "other-ext4",
             .disks = {disk_with({.filesystem = FileSystem::ext4, .label = "data"}, "vdc")}}};
}

// Who takes it as what, and the ids of all findings but notes.
std::string line_of(const Report& report)
{
    std::vector<std::string> taken;
    for (const Step& step : report.steps) {
        const std::string format = format_of(report, step.stage);
        if (!format.empty() && step.action.starts_with("takes ") && step.stage != "scratch disk")
            taken.push_back(step.stage + " " + format);
        else if (step.stage == "amiconfig" && !step.reads.empty())
            taken.push_back("amiconfig");
        else if (step.stage == "cloud-init" && !step.reads.empty())
            taken.push_back("cloud-init");
    }
    std::set<std::string> ids;
    for (const Finding& finding : report.findings) {
        if (finding.severity != Severity::note) ids.insert(finding.id);
    }
    return fmt::format("{:<15}{}{}{}", to_string(report.verdict), ctx::join(taken, ", "),
                       ids.empty() ? "" : " | ", ctx::join({ids.begin(), ids.end()}, " "));
}

// On a read-only disk in the place of a CD; where the disks do not matter, without any.
std::string table(const std::string& guest)
{
    const bool by_disks = guest == "cernvm3" || guest == "cernvm4";
    std::string text = "# disc, file system, label, disks: verdict, who takes it as what | findings\n";
    for (const Named& disc : discs()) {
        for (const std::string filesystem : {"long", "short", "vfat"}) {
            for (const std::string label : {"own", "other"}) {
                Medium medium = filesystem == "short"  ? with_short_names(disc.medium)
                                : filesystem == "vfat" ? vfat(disc.medium, "vdb")
                                                       : disc.medium;
                if (label == "other") medium.label = "DATA";
                for (Disks& disks : all_disks()) {
                    if (!by_disks && disks.name != "none") continue;
                    if (filesystem == "vfat") disks.disks.push_back(disk_of(medium, false));
                    const Report report =
                        ctx::check::predict({.media = {medium}, .disks = disks.disks}, guest);
                    text += fmt::format("{:<14}{:<6}{:<6}{:<11}{}\n", disc.name, filesystem, label,
                                        disks.name, line_of(report));
                }
            }
        }
    }
    return text;
}

void check_golden(const std::string& name, const std::string& text)
{
    const std::filesystem::path path =
        std::filesystem::path(VMBATCH_SOURCE_DIR "/tests/unit/golden/check") / name;
    if (std::getenv("VMBATCH_UPDATE_GOLDEN") != nullptr) ctx::write_file(path, text, 0644);
    INFO(path << " (VMBATCH_UPDATE_GOLDEN=1 writes it anew)");
    CHECK(text == ctx::read_file(path, 1 << 20));
}

} // namespace

TEST_CASE("verdicts over dialects, file systems, labels and disks")
{
    for (const std::string& guest : ctx::check::guest_names()) check_golden(guest, table(guest));
}

TEST_CASE("a report as a person reads it")
{
    const Machine machine{.media = {rendered(ctx::Dialect::universal)}, .disks = {blank_disk()}};
    check_golden("report-universal-cernvm3", to_text(ctx::check::predict(machine, "cernvm3")));
    const Medium eaten = vfat(rendered(ctx::Dialect::cernvm), "vdb");
    check_golden(
        "report-eaten-cernvm4",
        to_text(ctx::check::predict({.media = {eaten}, .disks = {disk_of(eaten, true)}}, "cernvm4")));
}
