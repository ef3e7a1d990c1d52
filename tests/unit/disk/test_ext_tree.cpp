#include <algorithm>
#include <memory>
#include <string>

#include <catch2/catch.hpp>

#include <ctx/base/digest.hpp>
#include <ctx/ext_tree.hpp>

#include "ext_maker.hpp"

using Catch::Matchers::Contains;
using ctx::GuestEntry;

namespace {

constexpr std::uint64_t mebibyte = 1 << 20;
constexpr std::int64_t now = 1'700'000'000;

struct Opened {
    explicit Opened(const ExtImage& image) : disk(image.path()), tree(ctx::open_ext_tree(disk, now)) {}
    ctx::GuestTree* operator->() const { return tree.get(); }

    FileDisk disk;
    std::unique_ptr<ctx::GuestTree> tree;
};

std::string pattern(std::size_t size)
{
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>((i * 7) + (i >> 8U));
    return bytes;
}

// Two pieces with a hole between and one behind.
class Holes : public ctx::GuestContent {
public:
    std::uint64_t size() const override { return 500'000; }
    std::optional<Piece> next() override
    {
        if (at_ == 0) return at_ = 1, Piece{0, "begin"};
        if (at_ == 1) return at_ = 2, Piece{200'001, "middle"};
        return std::nullopt;
    }

private:
    int at_ = 0;
};

} // namespace

TEST_CASE("an ext file system takes whatever a plan writes, and e2fsck agrees")
{
    const std::vector<std::string> options = GENERATE(
        std::vector<std::string>{"-t", "ext4"}, std::vector<std::string>{"-t", "ext2", "-b", "1024"},
        std::vector<std::string>{"-t", "ext3", "-I", "128"},
        std::vector<std::string>{"-t", "ext4", "-O", "metadata_csum,64bit", "-b", "1024"},
        std::vector<std::string>{"-t", "ext4", "-O", "^metadata_csum,uninit_bg,^64bit"},
        std::vector<std::string>{"-t", "ext4", "-O", "bigalloc", "-C", "65536"},
        std::vector<std::string>{"-t", "ext4", "-O", "inline_data"},
        std::vector<std::string>{"-t", "ext4", "-O", "inline_data,^dir_index,ea_inode", "-I", "256"},
        std::vector<std::string>{"-t", "ext4", "-O", "^extents,^64bit,^has_journal,meta_bg,^resize_inode"},
        std::vector<std::string>{"-t", "ext4", "-O", "large_dir,orphan_file,fast_commit"});
    const ExtImage image(options, 48 * mebibyte);
    const std::string big = pattern(3'000'000);
    {
        Opened tree(image);
        tree->make_directory("/etc", {.mode = 0755});
        tree->write_bytes("/etc/hostname", "wn-1\n", {.mode = 0640, .uid = 70'000, .gid = 5, .mtime = 5});
        tree->write_bytes("/etc/empty", "", {});
        tree->make_symlink("/etc/short", "hostname", {});
        tree->make_symlink("/etc/long", "/" + std::string(600, 'l'), {.uid = 3});
        tree->make_symlink("/etc/away", "../../../etc", {});
        tree->write_bytes("/etc/away/big", big, {.mode = 04755});
        tree->make_hardlink("/etc/second", "/etc/big");
        Holes holes;
        tree->write_file("/etc/holes", holes, {});
        tree->set_xattr("/etc/hostname", "security.selinux", "system_u:object_r:hostname_etc_t:s0");
        tree->set_xattr("/etc", "user.note", std::string(200, 'n'));
        // Replaced, while another name keeps the old content.
        tree->write_bytes("/etc/second", "new", {});
        tree->make_directory("/gone", {});
        tree->make_directory("/gone/deep", {});
        tree->write_bytes("/gone/deep/file", big, {});
        tree->make_symlink("/gone/deep/link", std::string(300, 'x'), {});
        tree->set_xattr("/gone/deep/file", "user.a", std::string(600, 'a'));
        tree->remove("/gone");
        tree->remove("/not/there");
        tree->set_owner("/etc/big", 1, 2);
        tree->close();
    }
    CHECK(image.faults() == "");

    const ctx::FileReader reader(ctx::open_file(image.path(), O_RDONLY), "image");
    const auto tree = ctx::read_ext_tree(reader);
    const auto hostname = tree->entry("/etc/hostname");
    REQUIRE(hostname);
    CHECK(hostname->kind == GuestEntry::Kind::file);
    CHECK(hostname->mode == 0640);
    CHECK(hostname->uid == 70'000);
    CHECK(hostname->gid == 5);
    CHECK(hostname->size == 5);
    CHECK(hostname->mtime == 5);
    CHECK(tree->read_file("/etc/short", 100) == "wn-1\n");
    CHECK(tree->read_file("/etc/empty", 100) == "");
    CHECK(tree->entry("/etc/short")->target == "hostname");
    CHECK(tree->entry("/etc/long")->target == "/" + std::string(600, 'l'));
    CHECK(tree->entry("/etc/long")->uid == 3);
    CHECK((tree->read_file("/etc/big", big.size()) == big));
    CHECK(tree->entry("/etc/big")->mode == 0755); // chown took the set-id bit
    CHECK(tree->read_file("/etc/second", 100) == "new");
    const std::string holes = tree->read_file("/etc/holes", 1'000'000).value();
    CHECK(holes.size() == 500'000);
    CHECK(holes.substr(0, 6) == std::string("begin\0", 6));
    CHECK(holes.substr(200'000, 8) == std::string("\0middle\0", 8));
    CHECK(tree->get_xattr("/etc/hostname", "security.selinux") == "system_u:object_r:hostname_etc_t:s0");
    CHECK(tree->xattrs("/etc") == std::map<std::string, std::string>{{"user.note", std::string(200, 'n')}});
    CHECK_FALSE(tree->entry("/gone"));
    CHECK_FALSE(tree->get_xattr("/etc/big", "user.none"));
    CHECK(tree->list("/etc/away", 100) ==
          std::vector<std::string>{"away", "big", "empty", "holes", "hostname", "long", "second", "short"});
    CHECK(tree->entry("/etc")->mtime == now);
}

TEST_CASE("large directories, with an index and without, take names and lose them")
{
    const std::vector<std::string> options =
        GENERATE(std::vector<std::string>{"-t", "ext4", "-b", "1024", "-N", "4000"},
                 std::vector<std::string>{"-t", "ext4", "-b", "1024", "-N", "4000", "-O", "^dir_index"},
                 std::vector<std::string>{"-t", "ext4", "-N", "4000", "-O", "inline_data,bigalloc"});
    const ExtImage image(options, 256 * mebibyte); // bigalloc: 64 KiB a file
    {
        Opened tree(image);
        tree->make_directory("/d", {});
        for (int i = 0; i < 1500; ++i)
            tree->write_bytes("/d/a-name-that-takes-some-room-" + std::to_string(i), "x", {});
        tree->close();
    }
    CHECK(image.faults() == "");
    // The index is made by e2fsck: what the kernel would have made.
    ctx::run({.argv = {"/sbin/e2fsck", "-fyD", image.path().string()}},
             ctx::Deadline::in(std::chrono::minutes(1)));
    {
        Opened tree(image);
        for (int i = 1500; i < 2500; ++i)
            tree->write_bytes("/d/another-name-that-takes-room-" + std::to_string(i), "x", {});
        for (int i = 0; i < 1500; i += 3) tree->remove("/d/a-name-that-takes-some-room-" + std::to_string(i));
        tree->close();
    }
    CHECK(image.faults() == "");
    const ctx::FileReader reader(ctx::open_file(image.path(), O_RDONLY), "image");
    CHECK(ctx::read_ext_tree(reader)->list("/d", 100'000).size() == 2000);
    CHECK_THROWS_WITH(ctx::read_ext_tree(reader)->list("/d", 1999), Contains("too many names"));
}

TEST_CASE("a full file system is a clear error, and nothing is taken after it")
{
    SECTION("no room")
    {
        const ExtImage image({"-t", "ext4", "-O", "^has_journal"}, 4 * mebibyte);
        Opened tree(image);
        CHECK_THROWS_WITH(tree->write_bytes("/big", pattern(8 * mebibyte), {}), Contains("is full"));
        CHECK_THROWS_WITH(tree->write_bytes("/small", "x", {}), Contains("no more changes"));
        CHECK_THROWS_WITH(tree->close(), Contains("not kept"));
    }
    SECTION("no inodes")
    {
        const ExtImage image({"-t", "ext4", "-N", "16"}, 8 * mebibyte);
        Opened tree(image);
        CHECK_THROWS_WITH(
            [&] {
                for (int i = 0; i < 1000; ++i) tree->write_bytes("/f" + std::to_string(i), "x", {});
            }(),
            Contains("no free inodes"));
    }
}

TEST_CASE("an ext file system that could not be left clean is refused, untouched")
{
    ExtImage image({"-t", "ext4"}, 16 * mebibyte);
    FileDisk disk(image.path());
    const auto refusal = [&](const std::string& command) {
        image.debugfs(command, true);
        const std::string before = ctx::sha256_hex(ctx::read_file(image.path(), 16 * mebibyte));
        std::string why;
        try {
            ctx::open_ext_tree(disk, now);
        } catch (const ctx::Error& error) {
            why = error.reason();
            CHECK(error.blame() == ctx::Blame::user);
            CHECK(error.remedy() != "");
        }
        CHECK(ctx::sha256_hex(ctx::read_file(image.path(), 16 * mebibyte)) == before);
        return why;
    };
    CHECK_THAT(refusal("feature needs_recovery"), Contains("not played back"));
    CHECK_THAT(refusal("feature ^needs_recovery"), Catch::Equals(""));
    CHECK_THAT(refusal("ssv last_orphan 12"), Contains("not played back"));
    CHECK_THAT(refusal("ssv last_orphan 0"), Catch::Equals(""));
    CHECK_THAT(refusal("ssv state 3"), Contains("damaged"));
    CHECK_THAT(refusal("ssv state 0"), Contains("not unmounted"));
    CHECK_THAT(refusal("ssv state 1"), Catch::Equals(""));
    CHECK_THAT(refusal("feature quota"), Contains("quotas"));
}

TEST_CASE("what paths mean: links stay in the guest, loops end")
{
    const ExtImage image({"-t", "ext4"}, 16 * mebibyte);
    Opened tree(image);
    tree->make_directory("/a", {});
    tree->make_symlink("/loop", "loop", {});
    tree->make_symlink("/a/up", "../../../..", {});
    tree->write_bytes("/file", "x", {});
    CHECK(tree->entry("/a/up/../file"));
    CHECK(tree->entry("/a/up/a/up/file"));
    CHECK_THROWS_WITH(tree->read_file("/loop", 10), Contains("too many links"));
    CHECK(tree->entry("/loop")->kind == GuestEntry::Kind::link);
    CHECK_FALSE(tree->entry("/file/below"));
    CHECK_FALSE(tree->entry("/" + std::string(300, 'n')));
    CHECK_FALSE(tree->read_file("/none", 10));
    CHECK_THROWS_WITH(tree->read_file("/a", 10), Contains("no regular file"));
    CHECK_THROWS_WITH(tree->read_file("/file", 0), Contains("too large"));
    CHECK_THROWS_AS(tree->entry("relative"), ctx::Error);
    for (const char* bad : {"/a/..", "/a/.", "/", "/none/file", "/file/x"}) {
        const ExtImage other({"-t", "ext2"}, 2 * mebibyte);
        Opened opened(other);
        CHECK_THROWS_AS(opened->write_bytes(bad, "x", {}), ctx::Error);
    }
    CHECK_THROWS_WITH(tree->remove("/"), Contains("root"));
}
