// The pure parts of a pull: what is known by content, what servers and publishers say, when to wait and give
// up.
#include <chrono>
#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include "../../../image-cache/convert/foreign_disk.hpp"
#include "../../../image-cache/transfer/backoff.hpp"
#include "../../../image-cache/transfer/http_headers.hpp"
#include "../../../image-cache/transfer/slowness.hpp"
#include "../../../image-cache/transfer/url.hpp"
#include "../../../image-cache/unpack/content.hpp"
#include "../../../image-cache/verify/embedded_signature.hpp"
#include "../../../image-cache/verify/sums_file.hpp"
#include "cache_fixture.hpp"

using namespace image_cache;
using namespace image_cache_tests;
using namespace std::chrono_literals;
using std::operator""sv;

TEST_CASE("pull: what a stream is, by its beginning")
{
    CHECK(content_of("\x1f\x8b\x08\0"sv) == Content::gzip);
    CHECK(content_of("BZh91AY&SY\0"sv) == Content::bzip2);
    CHECK(content_of("BZh9 is a word"sv) == Content::disk);
    CHECK(content_of("\xfd\x37zXZ\0"sv) == Content::xz);
    CHECK(content_of("\x28\xb5\x2f\xfd"sv) == Content::zstd);
    CHECK(content_of("PK\x03\x04"sv) == Content::zip);
    CHECK(content_of(std::string(257, 'x') + "ustar") == Content::tar);
    CHECK(content_of("QFI\xfb"sv) == Content::disk);
    CHECK(content_of("") == Content::disk);
    CHECK(content_of("KDMV"sv) == Content::vmdk);
}

TEST_CASE("pull: Content-Range is believed only where it fits together")
{
    const auto range = parse_content_range("bytes 100-199/200");
    REQUIRE(range);
    CHECK(*range->first == 100);
    CHECK(*range->total == 200);
    CHECK(parse_content_range("bytes 0-9/*")->total == std::nullopt);
    CHECK(parse_content_range("bytes */200")->first == std::nullopt);
    for (const std::string_view wrong :
         {"", "bytes", "bytes 5-4/9", "bytes 0-9/9", "bytes -1-4/9", "items 0-1/2", "bytes 0-1",
          "bytes x-y/z", "bytes 0-1/99999999999999999999999"})
        CHECK_FALSE(parse_content_range(wrong));
}

TEST_CASE("pull: of several answers the last one's headers count")
{
    ResponseHead head;
    for (const std::string_view line :
         {"HTTP/1.1 302 Found\r\n", "ETag: \"old\"\r\n", "Content-Length: 5\r\n", "HTTP/1.1 200 OK\r\n",
          "etag: \"new\"\r\n", "CONTENT-LENGTH:  7 \r\n", "no colon\r\n"})
        head.take_line(line);
    CHECK(head.etag == "\"new\"");
    CHECK(head.total() == 7U);
    CHECK(head.validator() == "\"new\"");
    head.take_line("ETag: W/\"weak\"");
    head.take_line("Last-Modified: Sun, 01 Nov 2026 00:00:00 GMT");
    CHECK(head.validator() == "Sun, 01 Nov 2026 00:00:00 GMT");
}

TEST_CASE("pull: Retry-After as seconds and as a date")
{
    const auto date = [](const char* text) { return std::int64_t{text == "a date"sv ? 1100 : -1}; };
    CHECK(parse_retry_after("120", 1000, date) == 120s);
    CHECK(parse_retry_after("a date", 1000, date) == 100s);
    CHECK(parse_retry_after("a date", 2000, date) == 0s);
    CHECK(parse_retry_after("99999999999", 0, date) == 86400s);
    CHECK_FALSE(parse_retry_after("soon", 0, date));
    CHECK_FALSE(parse_retry_after("", 0, date));
}

TEST_CASE("pull: pauses grow, end, and are not in step")
{
    Backoff one(1);
    Backoff other(2);
    bool differ = false;
    for (unsigned i = 0; i < 12; ++i) {
        const auto longest = 500ms * (1U << std::min(i, 6U));
        const auto pause = one.next();
        CHECK(pause >= longest / 2);
        CHECK(pause <= longest);
        differ = differ || pause != other.next();
    }
    CHECK(differ);
    one.progress();
    CHECK(one.next() <= 500ms);
    CHECK(one.next(10s) >= 10s);
}

TEST_CASE("pull: slow is what stays slow, and not what we kept waiting")
{
    const Slowness::Clock::time_point begun{};
    Slowness slow(100, 10s, begun);
    slow.received(10);
    CHECK_FALSE(slow.is_too_slow(begun + 9s));
    CHECK(slow.is_too_slow(begun + 10s));

    Slowness busy(100, 10s, begun);
    busy.we_were_busy(5s);
    CHECK_FALSE(busy.is_too_slow(begun + 12s));
    CHECK(busy.is_too_slow(begun + 15s));

    Slowness fast(100, 10s, begun);
    fast.received(2000);
    CHECK_FALSE(fast.is_too_slow(begun + 11s));
    CHECK_FALSE(fast.is_too_slow(begun + 20s)); // the next ten seconds have only begun
    CHECK(fast.is_too_slow(begun + 21s));
}

TEST_CASE("pull: addresses")
{
    CHECK(check_url("https://a/b") == Scheme::https);
    CHECK(check_url("file:///a") == Scheme::file);
    for (const std::string_view wrong :
         {"ftp://a/b", "file://host/a", "https://", "a/b", "https://a/b c", "http://a/\n"})
        CHECK(error_of([&] { check_url(wrong); }));
    CHECK(shown_url("https://me:pass@host/x@y") == "https://host/x@y");
    CHECK(shown_url("https://me:p@ss@host/x") == "https://host/x");
    CHECK(file_name_of("https://a/b/disk%20one.img?x=/y#/z") == "disk one.img");
    CHECK(file_url("/a b/100%?#\xc3\xb6") == "file:///a%20b/100%25%3F%23%C3%B6");
    CHECK(decoded(file_url("/a b/100%?#\xc3\xb6")) == "file:///a b/100%?#\xc3\xb6");
    CHECK(file_name_of("https://a/%zz%4") == "%zz%4");
}

TEST_CASE("pull: checksums as they are written")
{
    const std::string hex(64, 'a');
    CHECK(parse_checksum("sha256:" + hex)->hex == hex);
    CHECK(parse_checksum(std::string(64, 'A'))->hex == hex);
    CHECK(parse_checksum("sha512:" + hex + hex)->kind == HashKind::sha512);
    CHECK_FALSE(parse_checksum("sha512:" + hex));
    CHECK_FALSE(parse_checksum("sha256:" + hex + hex));
    CHECK_FALSE(parse_checksum("md5:" + hex));
    CHECK_FALSE(parse_checksum(hex.substr(1) + "g"));

    CHECK(find_in_sums(hex + "  disk.img\n", "disk.img")->hex == hex);
    CHECK_FALSE(find_in_sums(hex + "  disk.img\n", "isk.img"));
    CHECK_FALSE(find_in_sums(hex + "  disk.img.xz\n", "disk.img"));
    CHECK_FALSE(find_in_sums("SHA256 (disk.img) = " + hex + hex + "\n", "disk.img"));
    CHECK_FALSE(find_in_sums("SHA256 disk.img) = " + hex + "\n", "disk.img"));
    CHECK(signed_text(
              "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nx\n-----BEGIN PGP SIGNATURE-----\n") ==
          "\n\nx");
    CHECK(signed_text("-----BEGIN PGP SIGNED MESSAGE-----\nx").empty());
}

TEST_CASE("pull: patterns for signers")
{
    CHECK(matches_pattern("/DC=ch/*", "/DC=ch/CN=x"));
    CHECK(matches_pattern("*a*b", "xaayb"));
    CHECK(matches_pattern("?", "x"));
    CHECK(matches_pattern("", ""));
    CHECK_FALSE(matches_pattern("", "x"));
    CHECK_FALSE(matches_pattern("/DC=ch", "/DC=ch/CN=x"));
    CHECK_FALSE(matches_pattern("a*b", "ab c"));
}

TEST_CASE("pull: other programs' disks that end early are refused, not read beyond")
{
    for (const Content content : {Content::vmdk, Content::vdi, Content::vhd})
        for (const std::size_t size : {4U, 12U, 20U, 40U, 64U, 76U})
            CHECK(error_of([&] {
                require_self_contained(content, std::string("KDMV").append(size, 'x').substr(0, size));
            }));
}
