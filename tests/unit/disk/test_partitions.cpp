#include <chrono>
#include <filesystem>
#include <string>

#include <fcntl.h>

#include <catch2/catch.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>
#include <ctx/base/process.hpp>
#include <ctx/volumes.hpp>

#include "../temporary_directory.hpp"
#include "lvm_maker.hpp"
#include "memory_disk.hpp"

using Catch::Matchers::Contains;
using ctx::ByteRange;

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t mebibyte = 1 << 20;

void run(std::vector<std::string> argv, std::string_view input = {})
{
    ctx::run_checked({.argv = std::move(argv)}, ctx::Deadline::in(std::chrono::minutes(1)), input);
}

// What sfdisk makes of a script, as bytes.
MemoryDisk partitioned(std::string_view script, std::uint64_t size = 16 * mebibyte)
{
    const TemporaryDirectory directory;
    const fs::path image = directory / "disk";
    ctx::write_file(image, "", 0600);
    fs::resize_file(image, size);
    run({"/sbin/sfdisk", "-q", "--no-reread", "--no-tell-kernel", image.string()}, script);
    return MemoryDisk(ctx::read_file(image, size));
}

std::string made_by(std::vector<std::string> argv, std::uint64_t size)
{
    const TemporaryDirectory directory;
    const fs::path image = directory / "fs";
    ctx::write_file(image, "", 0600);
    fs::resize_file(image, size);
    argv.push_back(image.string());
    run(std::move(argv));
    return ctx::read_file(image, size);
}

} // namespace

TEST_CASE("an MBR's partitions, logical ones too")
{
    const MemoryDisk disk = partitioned("label: dos\nlabel-id: 0x1a2b3c4d\n"
                                        "start=2048, size=2048, type=83, bootable\n"
                                        "start=4096, type=5\n"
                                        "start=6144, size=2048, type=82\n"
                                        "start=10240, size=4096, type=8e\n");
    const auto table = ctx::read_partitions(disk);
    REQUIRE(table);
    CHECK(table->kind == ctx::PartitionTable::Kind::mbr);
    REQUIRE(table->partitions.size() == 3);
    CHECK(table->partitions[0].number == 1);
    CHECK(table->partitions[0].range == ByteRange{mebibyte, mebibyte});
    CHECK(table->partitions[0].type == "83");
    CHECK(table->partitions[0].uuid == "1a2b3c4d-01");
    CHECK(table->partitions[1].number == 5);
    CHECK(table->partitions[1].range == ByteRange{3 * mebibyte, mebibyte});
    CHECK(table->partitions[2].number == 6);
    CHECK(table->partitions[2].range == ByteRange{5 * mebibyte, 2 * mebibyte});
    CHECK(table->partitions[2].type == "8e");
    CHECK(table->partitions[2].uuid == "1a2b3c4d-06");
}

TEST_CASE("an MBR that lies is survived")
{
    MemoryDisk disk = partitioned("label: dos\nstart=2048, size=2048, type=83\nstart=4096, type=5\n"
                                  "start=6144, size=2048\nstart=10240, size=4096\n");
    SECTION("logical partitions in a circle")
    {
        // The first link's next one is itself.
        put_number<std::uint32_t>(disk.bytes, (4096 * 512) + 446 + 16 + 8, 0);
        CHECK_THROWS_WITH(ctx::read_partitions(disk), Contains("circle"));
    }
    SECTION("beyond the end")
    {
        put_number<std::uint32_t>(disk.bytes, 446 + 12, 0xffffffff);
        put_number<std::uint32_t>(disk.bytes, 446 + 16 + 8, 0xffffff00);
        const auto table = ctx::read_partitions(disk);
        REQUIRE(table->partitions.size() == 1);
        CHECK(table->partitions[0].range == ByteRange{mebibyte, 15 * mebibyte});
    }
    SECTION("a signature without partitions, or with flags that are none")
    {
        disk.bytes[446] = 0x17;
        CHECK_FALSE(ctx::read_partitions(disk));
        disk.bytes.replace(446, 64, 64, '\0');
        CHECK_FALSE(ctx::read_partitions(disk));
    }
    CHECK_FALSE(ctx::read_partitions(MemoryDisk("")));
    CHECK_FALSE(ctx::read_partitions(MemoryDisk(std::string(512, '\0'))));
}

TEST_CASE("a GPT's partitions; the copy at the end where the first is damaged")
{
    MemoryDisk disk = partitioned(
        "label: gpt\n"
        "start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649, name=\"bios\"\n"
        "start=4096, size=8192, uuid=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name=\"Wurzel \xc3\xa4\"\n");
    auto table = ctx::read_partitions(disk);
    const auto check = [&] {
        REQUIRE(table);
        CHECK(table->kind == ctx::PartitionTable::Kind::gpt);
        REQUIRE(table->partitions.size() == 2);
        CHECK(table->partitions[0].type == "21686148-6449-6e6f-744e-656564454649");
        CHECK(table->partitions[1].number == 2);
        CHECK(table->partitions[1].range == ByteRange{2 * mebibyte, 4 * mebibyte});
        CHECK(table->partitions[1].uuid == "0fc63daf-8483-4772-8e79-3d69d8477de4");
        CHECK(table->partitions[1].label == "Wurzel \xc3\xa4");
    };
    check();
    CHECK_FALSE(table->from_backup);

    disk.bytes[1024 + 128] = 'x'; // an entry
    table = ctx::read_partitions(disk);
    check();
    CHECK(table->from_backup);

    disk.bytes[disk.bytes.size() - 500] = 'x'; // the other header
    CHECK_THROWS_WITH(ctx::read_partitions(disk), Contains("entries' sum is wrong"));
}

TEST_CASE("a GPT with impossible numbers is refused before memory is taken")
{
    MemoryDisk disk = partitioned("label: gpt\nstart=2048, size=2048\n");
    for (const std::uint64_t at : {std::uint64_t{512}, disk.bytes.size() - 512}) {
        put_number<std::uint32_t>(disk.bytes, at + 80, 0xffffffff);
        put_number<std::uint32_t>(disk.bytes, at + 16, 0);
        const auto* header = reinterpret_cast<const Bytef*>(disk.bytes.data() + at);
        put_number<std::uint32_t>(disk.bytes, at + 16, static_cast<std::uint32_t>(crc32_z(0, header, 92)));
    }
    CHECK_THROWS_WITH(ctx::read_partitions(disk), Contains("not possible"));
}

TEST_CASE("file systems are recognised, whole-disk ones too")
{
    const MemoryDisk ext4(made_by(
        {"/sbin/mke2fs", "-q", "-t", "ext4", "-L", "root", "-U", "01234567-89ab-cdef-0123-456789abcdef"},
        8 * mebibyte));
    const ctx::Content content{
        .type = "ext4", .uuid = "01234567-89ab-cdef-0123-456789abcdef", .label = "root"};
    CHECK(ctx::recognise(ext4) == content);
    const ctx::DiskLayout layout = ctx::read_layout(ext4);
    CHECK_FALSE(layout.partitions);
    REQUIRE(layout.volumes.size() == 1);
    CHECK(layout.volumes[0].kind == ctx::Volume::Kind::disk);
    CHECK(layout.volumes[0].content == content);
    CHECK_FALSE(ctx::recognise(MemoryDisk(std::string(mebibyte, '\0'))));
    CHECK_FALSE(ctx::recognise(MemoryDisk("short")));
    CHECK(ctx::recognise(MemoryDisk(made_by({"/sbin/mkswap"}, mebibyte)))->type == "swap");
}

TEST_CASE("a layout: partitions, and logical volumes in one of them")
{
    MemoryDisk disk =
        partitioned("label: dos\nstart=2048, size=16384, type=83\nstart=18432, type=8e\n", 32 * mebibyte);
    const std::string boot = made_by({"/sbin/mke2fs", "-q", "-t", "ext2", "-L", "boot"}, 8 * mebibyte);
    disk.bytes.replace(mebibyte, boot.size(), boot);
    const std::string text = "vg { extent_size = 8192 physical_volumes { pv0 { id = \"" +
                             std::string(lvm_uuid) +
                             "\" pe_start = 2048 pe_count = 5 } } logical_volumes { root { status = "
                             "[\"VISIBLE\"] segment1 { start_extent = 0 extent_count = 2 type = \"striped\" "
                             "stripe_count = 1 stripes = [\"pv0\", 1] } } } }";
    const std::string pv = make_physical_volume(text, 23 * mebibyte);
    disk.bytes.replace(9 * mebibyte, pv.size(), pv);
    const std::string root = made_by({"/sbin/mke2fs", "-q", "-t", "ext4", "-L", "root"}, 8 * mebibyte);
    disk.bytes.replace((9 + 1 + 4) * mebibyte, root.size(), root);

    const ctx::DiskLayout layout = ctx::read_layout(disk);
    REQUIRE(layout.volumes.size() == 3);
    CHECK(layout.volumes[0].name == "partition 1");
    CHECK(layout.volumes[0].content->label == "boot");
    CHECK(layout.volumes[1].content->type == "LVM2_member");
    CHECK(layout.volumes[2].name == "vg/root");
    CHECK(layout.volumes[2].range == ByteRange{14 * mebibyte, 8 * mebibyte});
    CHECK(layout.volumes[2].content->label == "root");
}
