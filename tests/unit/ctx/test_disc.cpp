#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <ctx/base/file.hpp>
#include <ctx/base/process.hpp>
#include <ctx/disc.hpp>

#include "../temporary_directory.hpp"
#include "sample.hpp"

using ctx::DiscFile;
using ctx::DiscTree;

namespace fs = std::filesystem;

namespace {

std::string output_of(std::vector<std::string> argv)
{
    return ctx::run({.argv = std::move(argv)}, ctx::Deadline::in(std::chrono::seconds(60))).output;
}

// The Rock Ridge view, as Linux mounts it.
std::string content_of(const fs::path& disc, const std::string& path)
{
    return output_of({"/usr/bin/isoinfo", "-R", "-x", "/" + path, "-i", disc});
}

std::string bytes_of(const fs::path& path)
{
    return ctx::read_file(path, 64 << 20);
}

bool can_read_discs()
{
    if (fs::exists("/usr/bin/isoinfo")) return true;
    WARN("isoinfo is missing (apt-get install genisoimage): what is on the disc is not looked at");
    return false;
}

} // namespace

TEST_CASE("a disc holds its tree, root's and read-only")
{
    const TemporaryDirectory folder;
    const std::string big(700001, 'x');
    ctx::write_file(folder / "big", big, 0666);
    DiscTree tree;
    tree.label = "cidata";
    tree.files["user-data"] = DiscFile{std::string("#cloud-config\n")};
    tree.files["a/b/c/deep"] = DiscFile{std::string("deep")};
    tree.files["a/empty"] = DiscFile{std::string("")};
    tree.files["a/source"] = DiscFile{folder / "big"};
    ctx::write_disc(tree, folder / "disc.iso");

    struct stat info{};
    REQUIRE(::stat((folder / "disc.iso").c_str(), &info) == 0);
    CHECK((info.st_mode & 07777U) == 0600);
    if (!can_read_discs()) return;
    CHECK(content_of(folder / "disc.iso", "user-data") == "#cloud-config\n");
    CHECK(content_of(folder / "disc.iso", "a/b/c/deep") == "deep");
    CHECK(content_of(folder / "disc.iso", "a/empty").empty());
    CHECK(content_of(folder / "disc.iso", "a/source") == big);
    const std::string list = output_of({"/usr/bin/isoinfo", "-R", "-l", "-i", folder / "disc.iso"});
    CHECK(list.find("-r--------   1    0    0          700001 Jan  1 1970") != std::string::npos);
    CHECK(list.find("dr-xr-xr-x") != std::string::npos);
    CHECK(list.find("rw") == std::string::npos);
    const std::string joliet = output_of({"/usr/bin/isoinfo", "-J", "-f", "-i", folder / "disc.iso"});
    CHECK(joliet.find("/user-data\n") != std::string::npos);
}

TEST_CASE("labels are kept letter for letter")
{
    if (!fs::exists("/usr/sbin/blkid")) return;
    const TemporaryDirectory folder;
    for (const char* label : {"cidata", "CONTEXT", "config-2"}) {
        DiscTree tree;
        tree.label = label;
        tree.files["x"] = DiscFile{std::string("x")};
        ctx::write_disc(tree, folder / "disc.iso");
        CHECK(output_of({"/usr/sbin/blkid", "-p", "-o", "value", "-s", "LABEL", folder / "disc.iso"}) ==
              std::string(label) + "\n");
    }
}

TEST_CASE("the same tree gives the same bytes, whenever and from whatever files")
{
    const TemporaryDirectory folder;
    DiscTree tree = render(sample_context(), ctx::Dialect::nocloud);
    const auto write = [&](const char* name, const char* first, const char* second) {
        ctx::write_file(folder / first, "one", 0600);
        ctx::write_file(folder / second, "two", 0644);
        tree.files["one"] = DiscFile{folder / first};
        tree.files["two"] = DiscFile{folder / second};
        ctx::write_disc(tree, folder / name);
    };
    write("1.iso", "a", "b");
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    ::setenv("TZ", "Asia/Tokyo", 1);
    ::tzset();
    write("2.iso", "later", "earlier");
    ::unsetenv("TZ");
    ::tzset();
    CHECK((bytes_of(folder / "1.iso") == bytes_of(folder / "2.iso"))); // not shown: 300 KB
    ctx::write_disc(tree, folder / "3.iso", {.time = 1700000000});
    CHECK((bytes_of(folder / "1.iso") != bytes_of(folder / "3.iso")));
}

TEST_CASE("a disc that cannot be made leaves nothing behind")
{
    const TemporaryDirectory folder;
    fs::create_directory(folder / "out");
    const fs::path disc = folder / "out" / "disc.iso";
    DiscTree tree;
    tree.label = "cidata";
    tree.files["x"] = DiscFile{folder / "missing"};
    CHECK(message_of([&] { ctx::write_disc(tree, disc); }).find("missing: No such file") !=
          std::string::npos);
    tree.files["x"] = DiscFile{folder / "out"};
    CHECK(message_of([&] { ctx::write_disc(tree, disc); }).find("only regular files") != std::string::npos);
    CHECK(fs::is_empty(folder / "out"));

    tree.files["x"] = DiscFile{std::string("x")};
    CHECK(message_of([&] { ctx::write_disc(tree, folder / "nowhere" / "disc.iso"); }).find("No such file") !=
          std::string::npos);

    ctx::write_disc(tree, disc, {.mode = 0640, .durable = ctx::Durable::yes});
    CHECK(std::distance(fs::directory_iterator(folder / "out"), fs::directory_iterator()) == 1);
}
