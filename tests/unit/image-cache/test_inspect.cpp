#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <image-cache/inspect.hpp>

#include "cache_fixture.hpp"
#include "qcow2_maker.hpp"

using namespace image_cache_tests;
using image_cache::inspect_qcow2;

namespace {

std::optional<ctx::Error> refusal(const Qcow2Maker& image)
{
    return error_of([&] { inspect_qcow2(image.bytes(), image.bytes().size()); });
}

} // namespace

TEST_CASE("qcow2: a plain image passes and is known")
{
    const Qcow2Maker image;
    const auto facts = inspect_qcow2(image.bytes(), image.bytes().size());
    CHECK(facts.version == 3);
    CHECK(facts.virtual_size == std::uint64_t{1} << 30);
    CHECK(facts.cluster_size == 65536);
    CHECK_FALSE(facts.zstd);

    const Qcow2Maker zstd = Qcow2Maker().u64(72, 1U << 3U).u8(104, 1);
    CHECK(inspect_qcow2(zstd.bytes(), zstd.bytes().size()).zstd);

    const Qcow2Maker old = Qcow2Maker().u32(4, 2).u64(72, 0).u32(96, 0).u32(100, 0);
    CHECK(inspect_qcow2(old.bytes(), old.bytes().size()).version == 2);
}

TEST_CASE("qcow2: a hostile header is refused and the reason named")
{
    struct Hostile {
        std::string what;
        Qcow2Maker image;
        std::string reason;
    };
    const std::vector<Hostile> all = {
        {"backing file", Qcow2Maker().u64(8, 1024).u32(16, 11), "backing file"},
        {"backing file without a length", Qcow2Maker().u64(8, 1024), "backing file"},
        {"data file bit", Qcow2Maker().u64(72, 1U << 2U), "data in another file"},
        {"data file extension", Qcow2Maker().u32(112, 0x44415441).u32(116, 11), "names a data file"},
        {"unknown feature", Qcow2Maker().u64(72, std::uint64_t{1} << 40U), "incompatible bit 40"},
        {"corrupt", Qcow2Maker().u64(72, 2), "marked as corrupt"},
        {"dirty", Qcow2Maker().u64(72, 1), "not closed properly"},
        {"encrypted", Qcow2Maker().u32(32, 1), "encrypted"},
        {"LUKS extension", Qcow2Maker().u32(112, 0x0537be77).u32(116, 16), "encrypted"},
        {"version", Qcow2Maker().u32(4, 9), "version is 9"},
        {"too large", Qcow2Maker().u64(24, ~std::uint64_t{0}), "the most accepted"},
        {"no size", Qcow2Maker().u64(24, 0), "no size"},
        {"cluster bits", Qcow2Maker().u32(20, 63), "cluster size"},
        {"header length", Qcow2Maker().u32(100, 0xfffffff8), "header's length"},
        {"extension overrun", Qcow2Maker().u32(112, 0x6803f857).u32(116, 0xffffffff), "runs over"},
        {"L1 beyond the end", Qcow2Maker().u64(40, 1U << 30U), "L1 table lies beyond the end"},
        {"L1 wraps around", Qcow2Maker().u64(40, ~std::uint64_t{0xffff}), "L1 table lies beyond the end"},
        {"L1 too large", Qcow2Maker().u32(36, 0xffffffff), "L1 table is larger"},
        {"L1 too small", Qcow2Maker().u32(36, 1), "L1 table is too small"},
        {"refcounts beyond", Qcow2Maker().u64(48, 1U << 30U), "refcount table lies beyond"},
        {"snapshots", Qcow2Maker().u32(60, 0xffffffff), "snapshots"},
        {"compression type alone", Qcow2Maker().u8(104, 1), "contradict"},
        {"unknown compression", Qcow2Maker().u64(72, 1U << 3U).u8(104, 7), "type 7"},
        {"truncated in the header", Qcow2Maker().cut(60), "ends within its header"},
        {"truncated in its tables", Qcow2Maker().cut(70000), "lies beyond the end"},
    };
    for (const Hostile& hostile : all) {
        INFO(hostile.what);
        const auto error = refusal(hostile.image);
        REQUIRE(error);
        INFO(error->explain());
        CHECK(error->blame() == ctx::Blame::user);
        CHECK_FALSE(error->remedy().empty());
        CHECK(error->reason().find(hostile.reason) != std::string::npos);
    }
}

TEST_CASE("qcow2: every cut of a header ends in a refusal, not in a read beyond it")
{
    const std::string whole = Qcow2Maker().bytes();
    for (std::size_t size = 0; size < 200; ++size)
        CHECK(error_of([&] { inspect_qcow2(whole.substr(0, size), size); }));
}

TEST_CASE("what is no disk image is told by its beginning")
{
    CHECK(image_cache::foreign_content("\x1f\x8b\x08 and more") == "a gzip file");
    CHECK(image_cache::foreign_content("<!DOCTYPE html><html>") == "an HTML page");
    CHECK(image_cache::foreign_content("KDMV...") == "a VMDK disk");
    CHECK_FALSE(image_cache::foreign_content(""));
    CHECK_FALSE(image_cache::foreign_content(Qcow2Maker().bytes()));
    CHECK_FALSE(image_cache::foreign_content(std::string(4096, '\0')));
}
