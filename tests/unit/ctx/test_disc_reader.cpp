#include <chrono>
#include <filesystem>
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

ctx::Deadline soon()
{
    return ctx::Deadline::in(std::chrono::seconds(30));
}

class Discs {
public:
    Discs()
    {
        tree_.label = "cidata";
        tree_.files["user-data"] = DiscFile{std::string("#cloud-config\n")};
        tree_.files["a/b/deep"] = DiscFile{std::string(300000, 'd')};
        tree_.files["a/victim"] = DiscFile{std::string()};
    }

    fs::path write()
    {
        ctx::write_disc(tree_, folder_ / "disc.iso");
        return folder_ / "disc.iso";
    }
    // The disc with every occurrence of a text replaced by another of the same length.
    fs::path spoiled(const std::string& text, const std::string& by)
    {
        std::string bytes = ctx::read_file(write(), 10 << 20);
        for (std::size_t at = bytes.find(text); at != std::string::npos; at = bytes.find(text, at + 1))
            bytes.replace(at, text.size(), by);
        ctx::write_file(folder_ / "spoiled.iso", bytes, 0600);
        return folder_ / "spoiled.iso";
    }
    fs::path cut(std::size_t size)
    {
        const std::string bytes = ctx::read_file(write(), 10 << 20);
        ctx::write_file(folder_ / "cut.iso", std::string_view(bytes).substr(0, size), 0600);
        return folder_ / "cut.iso";
    }
    const TemporaryDirectory& folder() const { return folder_; }

private:
    TemporaryDirectory folder_;
    DiscTree tree_;
};

std::string refusal(const fs::path& disc)
{
    return message_of([&] {
        const DiscReader reader(disc, soon());
        for (const DiscEntry& entry : reader.entries()) {
            if (entry.kind == DiscEntry::Kind::file) reader.content(entry.path, 1 << 20);
        }
    });
}

bool has(const std::string& text, const std::string& part)
{
    INFO(text);
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a disc of ours is read as it was written")
{
    Discs discs;
    const DiscReader disc(discs.write(), soon());
    CHECK(disc.label() == "cidata");
    CHECK(disc.has_rock_ridge());
    CHECK(disc.has_joliet());
    std::vector<std::string> paths;
    for (const DiscEntry& entry : disc.entries()) paths.push_back(entry.path);
    CHECK(paths == std::vector<std::string>{"a", "a/b", "a/b/deep", "a/victim", "user-data"});
    CHECK(disc.entries()[0].kind == DiscEntry::Kind::directory);
    CHECK(disc.entries()[2].size == 300000);
    CHECK(disc.entries()[2].mode == 0400);
    CHECK(disc.content("user-data", 100) == "#cloud-config\n");
    CHECK((disc.content("a/b/deep", 1 << 20) == std::string(300000, 'd')));
    CHECK(disc.content("a/victim", 100).empty());
    CHECK(has(message_of([&] { disc.content("a/b/deep", 1000); }), "larger than 1000 bytes"));
    CHECK(has(message_of([&] { disc.content("a/b", 1000); }), "no such file on the disc"));
}

TEST_CASE("what is on a disc goes below a new directory, and nowhere else")
{
    Discs discs;
    const DiscReader disc(discs.write(), soon());
    const ctx::Extracted extracted = extract_disc(disc, discs.folder() / "tree");
    CHECK(extracted.files == 3);
    CHECK(extracted.left_out.empty());
    CHECK((ctx::read_file(discs.folder() / "tree/a/b/deep", 1 << 20) == std::string(300000, 'd')));
    CHECK(fs::file_size(discs.folder() / "tree/a/victim") == 0);
    // One that is there, or a link to one, may be anybody's.
    fs::create_directory(discs.folder() / "elsewhere");
    fs::create_symlink("elsewhere", discs.folder() / "link");
    for (const char* taken : {"tree", "elsewhere", "link"})
        CHECK(has(message_of([&] { extract_disc(disc, discs.folder() / taken); }), "File exists"));
    CHECK(fs::is_empty(discs.folder() / "elsewhere"));
}

TEST_CASE("names that would climb out are refused")
{
    Discs discs;
    CHECK(has(refusal(discs.spoiled("victim", "../../")), "a file's name is '../../'"));
    CHECK(has(refusal(discs.spoiled("victim", "/etc/x")), "a file's name is '/etc/x'"));
    // Twice the same: the second would be written over the first.
    CHECK(has(refusal(discs.spoiled("user-data", "a/victim2")), "a file's name is 'a/victim2'"));
}

TEST_CASE("damaged discs, and what is none")
{
    Discs discs;
    const auto whole = fs::file_size(discs.write());
    CHECK(refusal(discs.write()) == "(no error)");
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{32768}, std::size_t{40000}, std::size_t{60000}, whole / 2})
        CHECK(refusal(discs.cut(size)) != "(no error)");
    CHECK(has(refusal(discs.cut(100)), "neither an ISO 9660 disc nor a vfat disk"));
    CHECK(has(refusal("/dev/zero"), "neither a file nor a drive"));
    CHECK(has(refusal(discs.folder() / "nowhere"), "No such file"));
    CHECK(has(refusal("/"), "neither a file nor a drive"));
    CHECK(::mkfifo((discs.folder() / "fifo").c_str(), 0600) == 0);
    CHECK(has(refusal(discs.folder() / "fifo"), "neither a file nor a drive"));
}
