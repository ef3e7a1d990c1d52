#include <vector>

#include <fcntl.h>

#include <catch2/catch.hpp>

#include <ctx/base/digest.hpp>
#include <ctx/base/fd.hpp>

#include "../../../image-cache/copy.hpp"
#include "cache_fixture.hpp"

using namespace image_cache_tests;
using image_cache::CopyWay;

namespace {

constexpr std::size_t mebibyte = 1 << 20;

struct Copy {
    std::string digest;
    std::string bytes;
    std::uint64_t disk_usage = 0;
};

Copy copy(const CacheFixture& here, const std::string& bytes, CopyWay way)
{
    const auto from = here.write("from", bytes);
    const ctx::Fd in = ctx::open_file(from, O_RDONLY);
    const ctx::Fd out = ctx::open_file(here.file("to"), O_RDWR | O_CREAT | O_TRUNC);
    Copy result;
    result.digest = image_cache::copy_and_hash({.fd = in.get(), .name = "from"},
                                               {.fd = out.get(), .name = "to"}, bytes.size(), {}, way);
    result.bytes = ctx::read_file(here.file("to"), bytes.size() + 1);
    result.disk_usage = disk_usage(here.file("to"));
    return result;
}

} // namespace

TEST_CASE("copy: every way gives the same bytes and their digest")
{
    const CacheFixture here;
    // Sizes around the ends of blocks and chunks; zeros inside, at the ends, and alone.
    const std::string zeros(3 * mebibyte, '\0');
    const std::vector<std::string> contents = {
        "x",          noise(65536),
        noise(65537), noise(mebibyte + 1),
        zeros,        zeros + "x",
        "x" + zeros,  noise(mebibyte) + zeros + noise(200000, 3) + std::string(70000, '\0')};
    for (const std::string& content : contents)
        for (const CopyWay way : {CopyWay::clone, CopyWay::kernel, CopyWay::user}) {
            const Copy result = copy(here, content, way);
            CHECK(result.bytes == content);
            CHECK(result.digest == ctx::sha256_hex(content));
        }
}

TEST_CASE("copy: reading and writing turns blocks of zeros into holes")
{
    const CacheFixture here;
    const Copy result = copy(here, noise(mebibyte) + std::string(16 * mebibyte, '\0'), CopyWay::user);
    CHECK(result.disk_usage < 2 * mebibyte);
}

TEST_CASE("progress: beginning and end always, in between ten times a second")
{
    const CacheFixture here;
    const auto from = here.write("from", noise(32 * mebibyte));
    const ctx::Fd in = ctx::open_file(from, O_RDONLY);
    std::vector<std::uint64_t> seen;
    const auto start = std::chrono::steady_clock::now();
    image_cache::hash_file({.fd = in.get(), .name = "from"}, 32 * mebibyte,
                           [&](const image_cache::Progress& progress) { seen.push_back(progress.done); });
    const auto tenths = (std::chrono::steady_clock::now() - start) / std::chrono::milliseconds(100);
    REQUIRE(seen.size() >= 2);
    CHECK(seen.front() == 0);
    CHECK(seen.back() == 32 * mebibyte);
    CHECK(seen.size() <= static_cast<std::size_t>(tenths) + 3);
}
