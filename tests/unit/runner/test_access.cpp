#include <filesystem>
#include <string>

#include <unistd.h>

#include <catch2/catch.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>

#include "../temporary_directory.hpp"
#include "runner/guest/access.hpp"

namespace {

runner::GuestAccess sample()
{
    ctx::User user;
    user.name = "alice";
    user.uid = 5001;
    user.group = {"alice", 5001};
    user.groups = {{"physics", 6001}};
    user.home = "/home/alice";
    user.shell = "/bin/zsh";
    return {.job_id = "69[2].server",
            .batch_system = "torque",
            .user = user,
            .address = "10.0.0.5",
            .port = 2222,
            .host_alias = "vm-69",
            .environment = {{"A", "b c"}},
            .connect = std::chrono::milliseconds(5000),
            .refused = {}};
}

} // namespace

TEST_CASE("what the prologue leaves for remoteshell comes back as it was")
{
    const TemporaryDirectory directory;
    runner::write_access(directory.path(), sample());
    const auto read = runner::read_access(directory.path());
    REQUIRE(read);
    CHECK(read->job_id == "69[2].server");
    CHECK(read->batch_system == "torque");
    CHECK(read->user.name == "alice");
    CHECK(read->user.groups.at(0).gid == 6001);
    CHECK(read->user.shell == "/bin/zsh");
    CHECK(read->port == 2222);
    CHECK(read->environment.at("A") == "b c");
    CHECK(read->connect == std::chrono::seconds(5));
    CHECK_FALSE(read->refused);
}

TEST_CASE("no access is no error, and one that root has not written is")
{
    const TemporaryDirectory directory;
    CHECK_FALSE(runner::read_access(directory.path()));
    CHECK_FALSE(runner::read_access(directory / "nonexistent"));

    const auto file = directory / "access.json";
    runner::write_access(directory.path(), sample());
    REQUIRE(::chown(file.c_str(), 12345, 0) == 0);
    CHECK_THROWS_AS(runner::read_access(directory.path()), ctx::Error);
    runner::write_access(directory.path(), sample());
    std::filesystem::permissions(file, std::filesystem::perms::others_write,
                                 std::filesystem::perm_options::add);
    CHECK_THROWS_AS(runner::read_access(directory.path()), ctx::Error);
    std::filesystem::remove(file);
    std::filesystem::create_symlink("/etc/passwd", file);
    CHECK_THROWS_AS(runner::read_access(directory.path()), ctx::Error);
    std::filesystem::remove(file);
    ctx::write_file(file, "{}", 0644);
    CHECK_THROWS_AS(runner::read_access(directory.path()), ctx::Error);
}
