// Which disk µCernVM takes: one case for each row of the table in howto/discs.md.
#include <catch2/catch.hpp>

#include "machines.hpp"

using namespace machines;
using ctx::check::predict;

namespace {

Medium disc()
{
    return medium({{"context.sh", context_sh("#!/bin/sh\ntrue\nexit 0\n")}}, "CONTEXT");
}

Report with_disks(std::vector<Disk> disks, std::string_view guest = "cernvm4")
{
    return predict({.media = {disc()}, .disks = std::move(disks)}, guest);
}

// What it formats; all of what it does where it formats nothing.
std::string scratch(const Report& report)
{
    const std::string& action = step_of(report, "scratch disk").action;
    const std::size_t at = action.find("formats ");
    return at == std::string::npos ? action : action.substr(at, action.find(';') - at);
}

} // namespace

TEST_CASE("disk: blank")
{
    const Report report = with_disks({blank_disk()});
    CHECK(report.verdict == Verdict::applied);
    CHECK(scratch(report) == "formats vdb1 as ext4 UROOT");
    CHECK_FALSE(report.has(Severity::error));
}

TEST_CASE("disk: ext4 without partitions is eaten, labelled UROOT or not")
{
    for (const char* label : {"", "UROOT", "CVMFSCACHE"}) {
        Disk disk = blank_disk();
        disk.blank = false;
        disk.filesystem = FileSystem::ext4;
        disk.label = label;
        const Report report = with_disks({disk});
        CHECK(scratch(report) == "formats vdb1 as ext4 UROOT");
        CHECK(severity(report, "data-lost") == Severity::error);
        CHECK(report.verdict == Verdict::applied);
    }
}

TEST_CASE("disk: an empty table and something without a name are no less eaten")
{
    Disk table = blank_disk();
    table.has_table = true;
    table.blank = false;
    CHECK(has(with_disks({table}), "data-lost"));
}

TEST_CASE("disk: a context on writable vfat before the cache disk is read, then eaten")
{
    const Medium context = vfat(disc(), "vdb");
    const Machine machine{.media = {context}, .disks = {disk_of(context, true), blank_disk("vdc")}};
    const Report four = predict(machine, "cernvm4");
    CHECK(format_of(four, "boot loader") == "OpenNebula");
    CHECK(has(four, "medium-eaten"));
    CHECK(has(four, "data-lost"));
    CHECK(scratch(four) == "formats vdb1 as ext4 UROOT");
    // And the userland of CernVM 3, which looks again, finds nothing.
    CHECK(format_of(predict(machine, "cernvm3"), "HEPiX").empty());

    const Machine read_only{.media = {context}, .disks = {disk_of(context, false), blank_disk("vdc")}};
    const Report good = predict(read_only, "cernvm4");
    CHECK_FALSE(good.has(Severity::error));
    CHECK(scratch(good) == "formats vdc1 as ext4 UROOT");

    const Machine after{.media = {vfat(disc(), "vdc")},
                        .disks = {blank_disk("vdb"), disk_of(vfat(disc(), "vdc"), true)}};
    CHECK_FALSE(predict(after, "cernvm4").has(Severity::error));
}

TEST_CASE("disk: partition 1 is ext4 UROOT: as it is, and no context is read")
{
    const Report report =
        with_disks({disk_with({.filesystem = FileSystem::ext4, .label = "UROOT"})}, "cernvm3");
    CHECK(report.verdict == Verdict::not_applied);
    CHECK(severity(report, "old-context") == Severity::error);
    CHECK(step_of(report, "boot loader").action.starts_with("is not run again"));
    CHECK(step_of(report, "amiconfig").action.starts_with("is not run again"));
}

TEST_CASE("disk: a second boot with another disc keeps the old context, blank disks beside it or not")
{
    const Report report =
        with_disks({blank_disk("vdb"), disk_with({.filesystem = FileSystem::ext4, .label = "UROOT"}, "vdc")});
    CHECK(has(report, "old-context"));
    CHECK(report.verdict == Verdict::not_applied);
}

TEST_CASE("disk: partition 1 is an empty ext3")
{
    const Report report = with_disks({disk_with({.filesystem = FileSystem::ext3, .empty = true})});
    CHECK(scratch(report) == "formats vdb1 as ext4 UROOT");
    CHECK(has(report, "wiped"));
    CHECK(report.verdict == Verdict::applied);
    CHECK(has(with_disks({disk_with({.filesystem = FileSystem::ext3})}), "ext3-not-looked-into"));
}

TEST_CASE("disk: partition 1 is ext4 of another label: a panic shell")
{
    const Report report =
        with_disks({disk_with({.filesystem = FileSystem::ext4, .label = "data", .empty = true})});
    CHECK(report.verdict == Verdict::hangs);
    CHECK(severity(report, "panic") == Severity::error);
    // Nothing comes after that.
    CHECK(report.steps.back().stage == "scratch disk");
    // A blank one beside it saves the boot.
    CHECK(with_disks({disk_with({.filesystem = FileSystem::ext4, .label = "data"}), blank_disk("vdc")})
              .verdict == Verdict::applied);
}

TEST_CASE("disk: partition 1 has no file system, or swap")
{
    for (const FileSystem kind : {FileSystem::none, FileSystem::swap}) {
        const Report report = with_disks({disk_with({.filesystem = kind})});
        CHECK(scratch(report) == "formats vdb1 as ext4 UROOT");
        CHECK(report.verdict == Verdict::applied);
    }
}

TEST_CASE("disk: of several, the first by name")
{
    CHECK(scratch(with_disks({blank_disk("vdc"), blank_disk("vdb")})) == "formats vdb1 as ext4 UROOT");
    // The blank disk is partitioned, the earlier partition formatted.
    const Report report = with_disks({blank_disk("vdc"), disk_with({.filesystem = FileSystem::swap}, "vdb")});
    CHECK(scratch(report) == "formats vdb1 as ext4 UROOT");
    CHECK(has(report, "partitioned-in-vain"));
}

TEST_CASE("disk: read-only ones are left alone")
{
    Disk disk = blank_disk();
    disk.writable = false;
    CHECK(has(with_disks({disk}), "no-scratch-disk"));
    CHECK(with_disks({disk, blank_disk("vdc")}).verdict == Verdict::applied);
}

TEST_CASE("disk: what CernVM-FS keeps on it")
{
    Disk small = blank_disk();
    small.size = 1000ULL << 20U;
    CHECK(step_of(with_disks({small}), "scratch disk").action ==
          "partitions vdb, formats vdb1 as ext4 UROOT; CernVM-FS keeps 500 MB there");
    CHECK(step_of(with_disks({blank_disk()}), "scratch disk").action.ends_with("keeps 2000 MB there"));
}

TEST_CASE("disk: other guests do not look for one")
{
    Disk cache = blank_disk();
    cache.blank = false;
    cache.filesystem = FileSystem::ext4;
    cache.label = "CVMFSCACHE";
    CHECK_FALSE(has(with_disks({cache}, "cernvm5"), "data-lost"));
    CHECK(has(with_disks({cache}, "cernvm2"), "disks-not-known"));
}
