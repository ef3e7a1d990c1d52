// Media and disks for predictions, as values.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <ctx/check/machine.hpp>
#include <ctx/check/report.hpp>

namespace machines {

using ctx::check::Disk;
using ctx::check::FileSystem;
using ctx::check::Finding;
using ctx::check::Machine;
using ctx::check::Medium;
using ctx::check::Partition;
using ctx::check::Report;
using ctx::check::Severity;
using ctx::check::Step;
using ctx::check::Verdict;

using Files = std::map<std::string, std::string>;

inline Medium medium(const Files& files, std::string label = "", std::string device = "sr0")
{
    Medium made{.place = "context.iso", .device = std::move(device), .label = std::move(label), .files = {}};
    for (const auto& [path, text] : files) made.files[path] = {.content = text};
    return made;
}

// A disc without Rock Ridge and Joliet.
Medium with_short_names(Medium made);

inline Medium vfat(Medium made, std::string device)
{
    made.filesystem = FileSystem::vfat;
    made.device = std::move(device);
    made.place = "context.img";
    return made;
}

// The disk that such a medium is.
inline Disk disk_of(const Medium& on_it, bool writable)
{
    return {.place = on_it.place,
            .device = on_it.device,
            .writable = writable,
            .filesystem = on_it.filesystem,
            .label = on_it.label};
}

inline Disk blank_disk(std::string device = "vdb")
{
    return {.place = "cache.img", .device = std::move(device), .blank = true, .size = 20ULL << 30U};
}

inline Disk disk_with(Partition partition, std::string device = "vdb")
{
    return {.place = "cache.img",
            .device = std::move(device),
            .has_table = true,
            .partitions = {std::move(partition)}};
}

// What the context is, in shell: EC2_USER_DATA of `text`.
std::string context_sh(std::string_view text, std::string_view more = "");

inline const Step& step_of(const Report& report, std::string_view stage)
{
    static const Step none;
    const auto found = std::ranges::find(report.steps, stage, &Step::stage);
    return found == report.steps.end() ? none : *found;
}

// "as OpenNebula" of the stage's action; "" if it found nothing.
inline std::string format_of(const Report& report, std::string_view stage)
{
    const std::string& action = step_of(report, stage).action;
    const std::size_t at = action.rfind(" as ");
    return action.starts_with("takes ") && at != std::string::npos ? action.substr(at + 4) : "";
}

inline bool has(const Report& report, std::string_view id)
{
    return std::ranges::any_of(report.findings, [&](const Finding& one) { return one.id == id; });
}

inline Severity severity(const Report& report, std::string_view id)
{
    const auto found = std::ranges::find(report.findings, id, &Finding::id);
    return found == report.findings.end() ? Severity::note : found->severity;
}

} // namespace machines
