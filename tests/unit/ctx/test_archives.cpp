#include <chrono>
#include <string>
#include <vector>

#include <fcntl.h>

#include <catch2/catch.hpp>

#include <ctx/archive_fault.hpp>
#include <ctx/base/file.hpp>
#include <ctx/base/process.hpp>

#include "../temporary_directory.hpp"

namespace fs = std::filesystem;

namespace {

ctx::Deadline soon()
{
    return ctx::Deadline::in(std::chrono::seconds(30));
}

// An archive by the machine's own tar, whose members are then refused or not.
class Packer {
public:
    Packer()
    {
        fs::create_directories(folder_ / "tree/in");
        ctx::write_file(folder_ / "tree/in/file", std::string(100000, 'x'), 0644);
        ctx::write_file(folder_ / "tree/ümlaut", "x", 0644);
        fs::create_symlink("/etc", folder_ / "tree/link");
        fs::create_hard_link(folder_ / "tree/in/file", folder_ / "tree/in/hard");
    }

    std::string pack(std::vector<std::string> words)
    {
        const std::string file = folder_ / "archive.tar";
        std::vector<std::string> argv = {"/bin/tar", "-c", "-P", "-f", file, "-C", folder_ / "tree"};
        argv.insert(argv.end(), words.begin(), words.end());
        ctx::run_checked({.argv = argv}, soon());
        return file;
    }
    std::string write(const std::string& content)
    {
        ctx::write_file(folder_ / "archive.tar", content, 0600);
        return folder_ / "archive.tar";
    }

private:
    TemporaryDirectory folder_;
};

std::string verdict(const std::string& file)
{
    const ctx::Fd fd = ctx::open_file(file, O_RDONLY);
    const auto fault = ctx::archive_fault(fd.get());
    return fault ? fault->problem + ": " + fault->reason : "good";
}

bool has(const std::string& text, const std::string& part)
{
    INFO(text);
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("archives as tar makes them are good, whatever compresses them")
{
    Packer packer;
    for (const char* compressed :
         {"-z", "-J", "-j", "--zstd", "--format=ustar", "--format=pax", "--format=gnu"}) {
        CAPTURE(compressed);
        if (std::string(compressed) == "-j" && !fs::exists("/bin/bzip2")) continue;
        if (std::string(compressed) == "--zstd" && !fs::exists("/usr/bin/zstd")) continue;
        CHECK(verdict(packer.pack({compressed, "."})) == "good");
    }
}

TEST_CASE("members that would not stay below their place are refused")
{
    Packer packer;
    CHECK(has(verdict(packer.pack({"/etc/hostname"})), "the member '/etc/hostname' is absolute"));
    CHECK(has(verdict(packer.pack({"in/../in/file"})), "the member 'in/../in/file' climbs out with '..'"));
    CHECK(has(verdict(packer.pack({"--transform=s,^,../,", "in/file"})), "'../in/file' climbs out"));
    CHECK(has(verdict(packer.pack({"--transform=s,^in/hard,link/hard,", "link", "in/hard"})),
              "the member 'link/hard' lies behind a link of the same archive"));
    CHECK(has(verdict(packer.pack({"--transform=s,^,/,RSh", "in/file", "in/hard"})), "a link to '/in/"));
    // A link may point where it wants, as long as nothing is written through it.
    CHECK(verdict(packer.pack({"link"})) == "good");
}

TEST_CASE("what is no archive, or half of one, is refused")
{
    Packer packer;
    CHECK(has(verdict(packer.write("hello\n")), "not a tar archive that can be read"));
    const std::string whole = ctx::read_file(packer.pack({"-z", "in/file"}), 1 << 20);
    CHECK(
        has(verdict(packer.write(whole.substr(0, whole.size() / 2))), "not a tar archive that can be read"));
    const std::string plain = ctx::read_file(packer.pack({"in/file"}), 1 << 20);
    CHECK(has(verdict(packer.write(plain.substr(0, 50000))), "not a tar archive that can be read"));
}
