#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include <ctx/base/file.hpp>
#include <ctx/disc.hpp>
#include <ctx/disc_reader.hpp>

#include "../temporary_directory.hpp"
#include "sample.hpp"

using ctx::DiscEntry;
using ctx::DiscFile;
using ctx::DiscReader;
using ctx::DiscTree;

namespace fs = std::filesystem;

namespace {

constexpr std::size_t most = 64 << 20;

ctx::Deadline soon()
{
    return ctx::Deadline::in(std::chrono::seconds(30));
}

DiscTree sample_tree()
{
    DiscTree tree;
    tree.label = "cidata";
    tree.files["user-data"] = DiscFile{std::string("#cloud-config\n")};
    tree.files["a/b/deep"] = DiscFile{std::string(300000, 'd')};
    tree.files["a/empty"] = DiscFile{std::string()};
    tree.files["a/A name of more than thirteen letters"] = DiscFile{std::string("long")};
    for (int i = 0; i < 100; ++i) tree.files["many/" + std::to_string(i)] = DiscFile{std::to_string(i)};
    return tree;
}

fs::path write(const TemporaryDirectory& folder, const DiscTree& tree, std::int64_t time = 0)
{
    ctx::write_disc(tree, folder / "disc.img", {.format = ctx::DiscFormat::vfat, .time = time});
    return folder / "disc.img";
}

// What is wrong with a volume of ours after its bytes were changed.
std::string refusal(const std::function<void(std::string&)>& spoil)
{
    const TemporaryDirectory folder;
    std::string bytes = ctx::read_file(write(folder, sample_tree()), most);
    spoil(bytes);
    ctx::write_file(folder / "spoiled.img", bytes, 0600);
    return message_of([&] {
        const DiscReader disc(folder / "spoiled.img", soon());
        for (const DiscEntry& entry : disc.entries()) {
            if (entry.kind == DiscEntry::Kind::file) disc.content(entry.path, most);
        }
    });
}

void has(const std::string& text, const std::string& part)
{
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
}

void replace(std::string& bytes, const std::string& text, const std::string& by)
{
    const std::size_t at = bytes.find(text);
    REQUIRE(at != std::string::npos);
    bytes.replace(at, by.size(), by);
}

std::string utf16(const std::string& text)
{
    std::string units;
    for (const char c : text) units += {c, '\0'};
    return units;
}

constexpr std::size_t table = 32 * 512;           // where the first FAT begins
constexpr std::size_t behind_directories = 5 * 4; // the root, a, a/b; then comes what takes several clusters

} // namespace

TEST_CASE("a vfat disk of ours is read as it was written")
{
    const TemporaryDirectory folder;
    const DiscReader disc(write(folder, sample_tree(), 1700000000), soon());
    CHECK(disc.format() == ctx::DiscFormat::vfat);
    CHECK(disc.label() == "cidata");
    CHECK(!disc.has_rock_ridge());
    CHECK(disc.entries().size() == 3 + 4 + 100);
    for (const auto& [path, file] : sample_tree().files)
        CHECK((disc.content(path, most) == std::get<std::string>(file.content)));
    CHECK(disc.entries()[0].path == "a");
    CHECK(disc.entries()[0].kind == DiscEntry::Kind::directory);
    for (const DiscEntry& entry : disc.entries()) CHECK(entry.time == 1700000000);

    const ctx::Extracted extracted = extract_disc(disc, folder / "tree");
    CHECK(extracted.files == 104);
    CHECK(ctx::read_file(folder / "tree/a/A name of more than thirteen letters", 100) == "long");
}

TEST_CASE("a vfat disk is its owner's, takes the room of its content, and is the same whenever it is made")
{
    const TemporaryDirectory folder;
    const fs::path disc = write(folder, sample_tree());
    struct stat info{};
    REQUIRE(::stat(disc.c_str(), &info) == 0);
    CHECK((info.st_mode & 07777U) == 0600);
    CHECK(info.st_blocks * 512 < 2 << 20);
    CHECK(info.st_size > 32 << 20); // fewer clusters would be FAT16
    const std::string first = ctx::read_file(disc, most);
    CHECK((ctx::read_file(write(folder, sample_tree()), most) == first));
    CHECK((ctx::read_file(write(folder, sample_tree(), 1700000000), most) != first));
    // 1970 is before FAT's time.
    CHECK(DiscReader(write(folder, sample_tree()), soon()).entries()[0].time == 315532800);
}

TEST_CASE("what a vfat disk cannot hold is refused before anything is written")
{
    const TemporaryDirectory folder;
    fs::create_directory(folder / "out");
    const auto refused = [&](const std::string& path, DiscFile file) {
        DiscTree tree = sample_tree();
        tree.files[path] = std::move(file);
        const std::string message = message_of(
            [&] { ctx::write_disc(tree, folder / "out/disc.img", {.format = ctx::DiscFormat::vfat}); });
        CHECK(fs::is_empty(folder / "out"));
        return message;
    };
    ctx::write_file(folder / "big", "", 0600);
    fs::resize_file(folder / "big", std::uintmax_t{4} << 30U);
    has(refused("big", DiscFile{folder / "big"}), "too big for a vfat disk");
    has(refused("User-Data", DiscFile{std::string()}), "capitals and small letters are the same");
    has(refused("A", DiscFile{std::string()}), "capitals and small letters are the same");
    for (const char* name : {"a:b", "what?", "Größe", "dot.", "blank ", "a\nb", "\\"})
        has(refused(name, DiscFile{std::string()}), "cannot be a file's name on a vfat disk");
    has(refused(std::string(256, 'x'), DiscFile{std::string()}), "cannot be a file's name");
    has(refused("x", DiscFile{folder / "missing"}), "No such file");
}

TEST_CASE("names on a vfat disk that would climb out are refused")
{
    const auto renamed = [](const std::string& by) {
        return refusal([&](std::string& bytes) {
            REQUIRE(by.size() == 9);
            // The whole long name is in one entry: five letters, then four.
            replace(bytes, utf16("user-"), utf16(by.substr(0, 5)));
            replace(bytes, utf16("data") + std::string(2, '\0'), utf16(by.substr(5)) + std::string(2, '\0'));
        });
    };
    has(renamed("../../etc"), "a file's name is '../../etc'");
    has(renamed("/etc/host"), "a file's name is '/etc/host'");
    CHECK(renamed("harmless1") == "(no error)");
}

TEST_CASE("damaged vfat disks")
{
    CHECK(refusal([](std::string&) {}) == "(no error)");
    const auto cut = [](std::size_t size) { return [size](std::string& bytes) { bytes.resize(size); }; };
    has(refusal(cut(300)), "neither an ISO 9660 disc nor a vfat disk");
    has(refusal(cut(512)), "it is cut off");
    has(refusal(cut(table + 4)), "it is cut off");
    has(refusal(cut(700000)), "it is cut off");
    // Geometry: no room, no sectors of such a size.
    has(refusal([](std::string& bytes) { bytes.replace(32, 4, std::string("\1\0\0\0", 4)); }), "no room");
    has(refusal([](std::string& bytes) { bytes[12] = 7; }), "neither an ISO 9660 disc nor a vfat disk");
    // A directory that is its own continuation.
    has(refusal([](std::string& bytes) { bytes.replace(table + 8, 4, std::string("\2\0\0\0", 4)); }),
        "a directory does not end");
    // A file's chain that ends too early.
    has(refusal([&](std::string& bytes) {
            for (std::size_t i = table + behind_directories; i < table + 4000; i += 4)
                bytes.replace(i, 4, std::string("\xff\xff\xff\x0f", 4));
        }),
        "cut off within 'a/b/deep'");
}

TEST_CASE("a directory that is its own child is refused")
{
    const TemporaryDirectory folder;
    DiscTree tree;
    tree.label = "x";
    tree.files["loop/file"] = DiscFile{std::string("x")};
    std::string bytes = ctx::read_file(write(folder, tree), most);
    // The directory's first cluster is 3, behind the root's: 2 makes it the root.
    const std::size_t entry = bytes.find("000001~1   \x10");
    REQUIRE(entry != std::string::npos);
    REQUIRE(bytes[entry + 26] == 3);
    bytes[entry + 26] = 2;
    ctx::write_file(folder / "spoiled.img", bytes, 0600);
    has(message_of([&] { const DiscReader disc(folder / "spoiled.img", soon()); }), "deep");
}
