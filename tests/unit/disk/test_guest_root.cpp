#include <memory>
#include <string>

#include <catch2/catch.hpp>

#include <ctx/ext_tree.hpp>
#include <ctx/guest_root.hpp>

#include "ext_maker.hpp"

using Catch::Matchers::Contains;
using ctx::FstabLine;
using ctx::Volume;

namespace {

constexpr std::uint64_t mebibyte = 1 << 20;

Volume volume(Volume::Kind kind, std::string name, std::string uuid, std::string label)
{
    return {.kind = kind,
            .name = std::move(name),
            .range = ctx::ByteRange{},
            .obstacle = {},
            .content = ctx::Content{.type = "ext4", .uuid = std::move(uuid), .label = std::move(label)},
            .partition_uuid = "aabb-01",
            .partition_label = "part"};
}

} // namespace

TEST_CASE("fstab: comments, escapes, short lines")
{
    const std::vector<FstabLine> lines = ctx::parse_fstab("# comment\n\n"
                                                          "UUID=1\t/  ext4 defaults,x 0 1\n"
                                                          "LABEL=a\\040b /my\\040dir ext4\n"
                                                          "short /x\n");
    CHECK(lines == std::vector<FstabLine>{{"UUID=1", "/", "ext4", "defaults,x"},
                                          {"LABEL=a b", "/my dir", "ext4", "defaults"}});
}

TEST_CASE("what fstab calls a file system by")
{
    ctx::DiskLayout layout;
    layout.volumes = {volume(Volume::Kind::partition, "partition 1", "ABCD-12", "boot"),
                      volume(Volume::Kind::partition, "partition 12", "x", "y"),
                      volume(Volume::Kind::logical, "vg-one/lv-root", "1234", "root")};
    const Volume* boot = &layout.volumes[0];
    const Volume* root = &layout.volumes[2];
    for (const char* source : {"UUID=abcd-12", "UUID=\"ABCD-12\"", "LABEL=boot", "/dev/disk/by-uuid/ABCD-12",
                               "/dev/disk/by-label/boot", "/dev/sda1", "/dev/vda1", "/dev/xvda1",
                               "/dev/nvme0n1p1", "PARTUUID=AABB-01", "PARTLABEL=part"})
        CHECK(ctx::find_source(layout, source) == boot);
    CHECK(ctx::find_source(layout, "/dev/mapper/vg--one-lv--root") == root);
    CHECK(ctx::find_source(layout, "/dev/vg-one/lv-root") == root);
    CHECK(ctx::find_source(layout, "/dev/sda12") == &layout.volumes[1]);
    for (const char* source : {"UUID=", "UUID=other", "LABEL=Boot", "/dev/sdb1", "/dev/sda2", "/dev/sda",
                               "tmpfs", "/dev/mapper/vg-one-lv-root", "server:/x", "FOO=boot", ""})
        CHECK(ctx::find_source(layout, source) == nullptr);
}

TEST_CASE("file systems mounted in one another are one tree")
{
    const ExtImage root_image({"-t", "ext4"}, 16 * mebibyte);
    const ExtImage var_image({"-t", "ext4"}, 16 * mebibyte);
    FileDisk root_disk(root_image.path());
    FileDisk var_disk(var_image.path());
    {
        auto root = ctx::open_ext_tree(root_disk, 0);
        root->make_directory("/var", {});
        root->write_bytes("/var/hidden", "x", {});
        root->make_symlink("/spool", "/var/spool", {});
        ctx::MountedTree tree(std::move(root));
        tree.mount("/var", ctx::open_ext_tree(var_disk, 0));
        CHECK_FALSE(tree.entry("/var/hidden"));
        tree.make_directory("/var/spool", {.mode = 0755});
        tree.make_symlink("/var/up", "../etc", {});
        tree.make_directory("/etc", {.mode = 0755});
        tree.write_bytes("/spool/job", "in var", {});
        tree.write_bytes("/var/up/name", "in root", {});
        CHECK(tree.read_file("/var/spool/../up/name", 100) == "in root");
        CHECK(tree.list("/spool", 10) == std::vector<std::string>{"job"});
        CHECK(tree.real_path("/spool/job") == "/var/spool/job");
        tree.set_xattr("/spool/job", "user.a", "b");
        CHECK(tree.xattrs("/var/spool/job") == std::map<std::string, std::string>{{"user.a", "b"}});
        CHECK_THROWS_WITH(tree.make_hardlink("/etc/job", "/var/spool/job"), Contains("two file systems"));
        tree.make_hardlink("/var/job", "/spool/job");
        CHECK_THROWS_WITH(tree.remove("/var"), Contains("root is not removed"));
        tree.remove("/var/up");
        CHECK(tree.entry("/etc/name"));
        tree.close();
    }
    CHECK(root_image.faults() == "");
    CHECK(var_image.faults() == "");
    CHECK(ctx::read_ext_tree(var_disk)->read_file("/spool/job", 10) == "in var");
    CHECK(ctx::read_ext_tree(root_disk)->read_file("/etc/name", 10) == "in root");
    CHECK(ctx::read_ext_tree(root_disk)->entry("/var/hidden"));
}
