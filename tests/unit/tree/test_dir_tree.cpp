// A directory as a guest's root: what is written is there, and nothing leads out of it.
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <ctx/base/file.hpp>
#include <ctx/dir_tree.hpp>

#include "../ctx/sample.hpp"
#include "../temporary_directory.hpp"

namespace {

namespace fs = std::filesystem;
using ctx::GuestEntry;

struct Guest {
    TemporaryDirectory directory;
    fs::path root = directory / "root";
    fs::path outside = directory / "outside";
    std::unique_ptr<ctx::GuestTree> tree;
    ctx::GuestAttributes mine = {0640, getuid(), getgid(), 1'000'000};

    Guest()
    {
        fs::create_directories(root / "etc");
        fs::create_directories(outside);
        ctx::write_file(outside / "secret", "the host's", 0600);
        tree = ctx::open_dir_tree(root);
    }
    std::string host(const std::string& path) const { return ctx::read_file(root / path, 1 << 20); }
};

} // namespace

TEST_CASE("Dir tree: what is written is there")
{
    Guest guest;
    ctx::GuestTree& tree = *guest.tree;
    tree.write_bytes("/etc/motd", "hello\n", guest.mine);
    CHECK(guest.host("etc/motd") == "hello\n");
    const auto entry = tree.entry("/etc/motd");
    REQUIRE(entry);
    CHECK(entry->kind == GuestEntry::Kind::file);
    CHECK(entry->mode == 0640);
    CHECK(entry->uid == getuid());
    CHECK(entry->size == 6);
    CHECK(entry->mtime == 1'000'000);
    CHECK(tree.read_file("/etc/motd", 6) == "hello\n");
    CHECK(message_of([&] { tree.read_file("/etc/motd", 5); }).find("too large") != std::string::npos);

    guest.mine.mode = 02755;
    tree.make_directory("/opt", guest.mine);
    CHECK(tree.entry("/opt")->mode == 02755);
    CHECK(message_of([&] { tree.make_directory("/opt", guest.mine); }).find("/opt") != std::string::npos);
    tree.make_symlink("/opt/link", "../etc/motd", guest.mine);
    CHECK(tree.entry("/opt/link")->target == "../etc/motd");
    CHECK(tree.entry("/opt/link")->mtime == 1'000'000);
    CHECK(tree.read_file("/opt/link", 100) == "hello\n");
    tree.make_hardlink("/opt/hard", "/etc/motd");
    CHECK(tree.entry("/opt/hard")->inode == entry->inode);
    tree.make_hardlink("/opt/hard", "/etc/motd"); // again
    CHECK(tree.list("/opt") == std::vector<std::string>{"hard", "link"});
    CHECK(tree.list("/nowhere").empty());

    tree.set_mode("/opt/hard", 04711);
    CHECK(tree.entry("/etc/motd")->mode == 04711);
    tree.set_mtime("/opt/hard", 5);
    CHECK(tree.entry("/etc/motd")->mtime == 5);
    tree.set_owner("/opt/hard", getuid(), getgid());
    CHECK(tree.entry("/etc/motd")->mode == 0711);

    tree.remove("/opt");
    tree.remove("/opt");
    CHECK(!tree.entry("/opt"));
    CHECK(guest.host("etc/motd") == "hello\n");
}

TEST_CASE("Dir tree: a replaced file is a new one")
{
    Guest guest;
    ctx::GuestTree& tree = *guest.tree;
    tree.write_bytes("/etc/a", "old", guest.mine);
    tree.make_hardlink("/etc/b", "/etc/a");
    tree.make_symlink("/etc/l", "a", guest.mine);
    tree.write_bytes("/etc/b", "new", guest.mine);
    tree.write_bytes("/etc/l", "no link", guest.mine);
    CHECK(guest.host("etc/a") == "old");
    CHECK(guest.host("etc/b") == "new");
    CHECK(tree.entry("/etc/l")->kind == GuestEntry::Kind::file);
    CHECK(message_of([&] { tree.write_bytes("/etc", "x", guest.mine); }).find("/etc") != std::string::npos);
    CHECK(tree.list("/etc") == std::vector<std::string>{"a", "b", "l"}); // nothing half-made
    CHECK(tree.list("/") == std::vector<std::string>{"etc"});
}

TEST_CASE("Dir tree: holes of a host's file stay holes")
{
    Guest guest;
    const fs::path sparse = guest.directory / "sparse";
    constexpr std::size_t megabyte = 1 << 20;
    {
        const ctx::Fd fd = ctx::open_file(sparse, O_RDWR | O_CREAT);
        REQUIRE(ftruncate(fd.get(), 8 * megabyte) == 0);
        REQUIRE(pwrite(fd.get(), "middle", 6, 4 * megabyte) == 6);
    }
    const ctx::Fd fd = ctx::open_file(sparse, O_RDONLY);
    ctx::HostFileContent content(fd.get(), sparse.string());
    guest.tree->write_file("/sparse", content, guest.mine);
    const auto text = guest.tree->read_file("/sparse", 16 * megabyte);
    REQUIRE(text);
    CHECK(text->size() == 8 * megabyte);
    CHECK(text->substr(4 * megabyte, 6) == "middle");
    struct stat status{};
    REQUIRE(stat((guest.root / "sparse").c_str(), &status) == 0);
    CHECK(status.st_blocks * 512 < 2 * static_cast<long>(megabyte));
}

TEST_CASE("Dir tree: no link leads out")
{
    Guest guest;
    ctx::GuestTree& tree = *guest.tree;
    fs::create_symlink(guest.outside, guest.root / "absolute");
    fs::create_symlink("../outside", guest.root / "relative");
    fs::create_symlink("../../../../../../../../../.." + guest.outside.string(), guest.root / "etc/climbing");
    fs::create_symlink("/proc/self/root", guest.root / "magic");
    fs::create_symlink("loop", guest.root / "loop");
    for (const char* path : {"/absolute", "/relative", "/etc/climbing", "/magic", "/../outside",
                             "/etc/../../../../outside", "/../../.."}) {
        const std::string secret = std::string(path) + "/secret";
        CAPTURE(secret);
        CHECK(!tree.read_file(secret, 100));
        CHECK(!tree.entry(secret));
        CHECK(message_of([&] { tree.make_hardlink("/stolen", secret); }) != "(no error)");
        tree.remove(secret);
    }
    CHECK(message_of([&] { tree.write_bytes("/absolute/x", "", guest.mine); }) != "(no error)");
    CHECK(message_of([&] { tree.write_bytes("/loop/x", "", guest.mine); }).find("loop") != std::string::npos);
    CHECK(message_of([&] { tree.real_path("/loop"); }).find("too many links") != std::string::npos);
    CHECK(message_of([&] { tree.remove("/"); }).find("root") != std::string::npos);
    CHECK(message_of([&] { tree.remove("/etc/.."); }) != "(no error)");

    // An absolute link means the guest's root.
    fs::create_symlink("/etc", guest.root / "config");
    tree.write_bytes("/config/x", "inside", guest.mine);
    CHECK(guest.host("etc/x") == "inside");
    CHECK(tree.real_path("/config/x") == "/etc/x");
    CHECK(tree.real_path("/config/../config/./new/y") == "/etc/new/y");
    CHECK(tree.real_path("/absolute/f") == (guest.outside / "f").string());

    CHECK(ctx::read_file(guest.outside / "secret", 100) == "the host's");
    CHECK(std::distance(fs::directory_iterator(guest.outside), {}) == 1);
}

TEST_CASE("Dir tree: removing follows no link")
{
    Guest guest;
    fs::create_directories(guest.root / "tree/deep");
    fs::create_symlink(guest.outside, guest.root / "tree/deep/out");
    fs::create_symlink(guest.outside, guest.root / "tree/out");
    guest.tree->remove("/tree/out");
    guest.tree->remove("/tree");
    CHECK(!fs::exists(guest.root / "tree"));
    CHECK(fs::exists(guest.outside / "secret"));
}

TEST_CASE("Dir tree: what is no regular file is not read")
{
    Guest guest;
    REQUIRE(mkfifo((guest.root / "fifo").c_str(), 0600) == 0);
    CHECK(guest.tree->entry("/fifo")->kind == GuestEntry::Kind::other);
    CHECK(message_of([&] { guest.tree->read_file("/fifo", 10); }).find("no regular file") !=
          std::string::npos);
    CHECK(message_of([&] { guest.tree->read_file("/etc", 10); }).find("no regular file") !=
          std::string::npos);
    CHECK(message_of([&] { guest.tree->make_hardlink("/x", "/fifo"); }).find("no regular file") !=
          std::string::npos);
    CHECK(message_of([&] { guest.tree->list("/", 1); }).find("too many") != std::string::npos);
}

TEST_CASE("Dir tree: attributes")
{
    Guest guest;
    guest.tree->write_bytes("/f", "", guest.mine);
    if (setxattr((guest.root / "f").c_str(), "user.probe", "", 0, 0) != 0) return; // no attributes here
    guest.tree->set_xattr("/f", "user.colour", std::string_view("re\0d", 4));
    CHECK(guest.tree->get_xattr("/f", "user.colour") == std::string("re\0d", 4));
    CHECK(!guest.tree->get_xattr("/f", "user.other"));
    CHECK(guest.tree->xattrs("/f") ==
          std::map<std::string, std::string>{{"user.colour", {"re\0d", 4}}, {"user.probe", ""}});
}

TEST_CASE("Guest paths by their text")
{
    CHECK(ctx::plain_guest_path("/a//./b/../c/") == "/a/c");
    CHECK(ctx::plain_guest_path("/../..") == "/");
    CHECK(message_of([] { ctx::plain_guest_path("a"); }).find("absolute") != std::string::npos);
}
