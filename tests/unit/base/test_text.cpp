#include <string>

#include <catch2/catch.hpp>

#include <ctx/base/digest.hpp>
#include <ctx/base/names.hpp>
#include <ctx/base/random.hpp>
#include <ctx/base/text.hpp>

TEST_CASE("shell_quote survives every byte a shell could act on")
{
    CHECK(ctx::shell_quote("plain") == "'plain'");
    CHECK(ctx::shell_quote("it's $(x) `y`\n") == "'it'\\''s $(x) `y`\n'");
    CHECK(ctx::shell_quote("") == "''");
}

TEST_CASE("nearest finds what was meant and nothing far-fetched")
{
    const std::vector<std::string> keys = {"image", "method", "dialect"};
    CHECK(ctx::nearest("imgae", keys) == "image");
    CHECK(ctx::nearest("dialekt", keys) == "dialect");
    CHECK_FALSE(ctx::nearest("hypervisor", keys));
    CHECK_FALSE(ctx::nearest("hvf", {"kvm", "tcg"}));
}

TEST_CASE("printable lets nothing through that a terminal would obey")
{
    CHECK(ctx::printable("a\x1b[31mb\n") == "a\\x1b[31mb");
    CHECK(ctx::printable(std::string(300, 'x'), 10) == std::string(10, 'x') + "…");
}

TEST_CASE("sizes are binary")
{
    CHECK(ctx::parse_size("1G") == 1ULL << 30);
    CHECK(ctx::parse_size("20GiB") == 20ULL << 30);
    CHECK(ctx::parse_size("512") == 512);
    CHECK_FALSE(ctx::parse_size("1 G"));
    CHECK_FALSE(ctx::parse_size("-1G"));
    CHECK_FALSE(ctx::parse_size("99999999999T"));
    CHECK(ctx::format_size(1ULL << 30) == "1G");
    CHECK(ctx::format_size(1500) == "1500");
}

TEST_CASE("job ids of Torque and Slurm are names, paths and shell text are not")
{
    for (const char* good : {"1234", "69[2].server.example", "run-0f3a", "12_3+4", "a"})
        CHECK(ctx::is_job_id(good));
    for (const char* bad : {"", ".", "..", "../x", "a/b", "a b", "a\nb", "$(x)", "-rf", "a;b"})
        CHECK_FALSE(ctx::is_job_id(bad));
    CHECK_FALSE(ctx::is_job_id(std::string(129, 'a')));
}

TEST_CASE("user names are what useradd takes")
{
    for (const char* good : {"alice", "_x", "a-1"}) CHECK(ctx::is_user_name(good));
    for (const char* bad : {"", "Alice", "1a", "-a", "a b", "a\nb", "a/b", "a:b", "a$"})
        CHECK_FALSE(ctx::is_user_name(bad));
}

TEST_CASE("host names follow RFC 1123")
{
    for (const char* good : {"wn-1", "a.example.org", "1234"}) CHECK(ctx::is_host_name(good));
    for (const char* bad : {"", "-a", "a-", "a..b", "a_b", "a b", "a.", ".a"})
        CHECK_FALSE(ctx::is_host_name(bad));
}

TEST_CASE("sha256 is SHA-256")
{
    CHECK(ctx::sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("random_hex has the length asked for and does not repeat")
{
    CHECK(ctx::random_hex(16).size() == 32);
    CHECK(ctx::random_hex(16) != ctx::random_hex(16));
}
