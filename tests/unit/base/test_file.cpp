#include <string>

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>

#include "../temporary_directory.hpp"

TEST_CASE("AtomicFile shows nothing before publish and leaves nothing without it")
{
    const TemporaryDirectory directory;
    {
        ctx::AtomicFile file(directory / "x", 0600);
        file.write("half");
        CHECK_FALSE(std::filesystem::exists(directory / "x"));
    }
    CHECK(std::filesystem::is_empty(directory.path()));
}

TEST_CASE("write_file has exactly its mode, whatever the umask")
{
    const TemporaryDirectory directory;
    const mode_t before = ::umask(0777);
    ctx::write_file(directory / "x", "text", 0644, ctx::Durable::yes);
    ::umask(before);
    struct stat info{};
    REQUIRE(::stat((directory / "x").c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0644);
    CHECK(ctx::read_file(directory / "x", 100) == "text");
}

TEST_CASE("read_file refuses what is too large, no file or not there")
{
    const TemporaryDirectory directory;
    ctx::write_file(directory / "x", "12345", 0600);
    CHECK_THROWS_AS(ctx::read_file(directory / "x", 4), ctx::Error);
    CHECK_THROWS_AS(ctx::read_file(directory.path(), 4), ctx::Error);
    CHECK_THROWS_AS(ctx::read_file(directory / "y", 4), ctx::Error);
    REQUIRE(::mkfifo((directory / "fifo").c_str(), 0600) == 0);
    CHECK_THROWS_AS(ctx::read_file(directory / "fifo", 4), ctx::Error); // and does not hang
}

TEST_CASE("remove_tree does not follow links and may be repeated")
{
    const TemporaryDirectory directory;
    ctx::make_directory(directory / "tree", 0700);
    ctx::write_file(directory / "outside", "keep", 0600);
    std::filesystem::create_symlink(directory / "outside", directory.path() / "tree" / "link");
    ctx::remove_tree(directory / "tree");
    ctx::remove_tree(directory / "tree");
    CHECK_FALSE(std::filesystem::exists(directory / "tree"));
    CHECK(std::filesystem::exists(directory / "outside"));
}
