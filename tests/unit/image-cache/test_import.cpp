#include <array>
#include <chrono>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <ctx/base/deadline.hpp>
#include <ctx/base/digest.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/process.hpp>

#include "cache_fixture.hpp"
#include "qcow2_maker.hpp"

using namespace image_cache_tests;
using namespace std::chrono_literals;
using image_cache::Format;
using image_cache::Image;
using image_cache::Imported;

namespace {

constexpr std::size_t mebibyte = 1 << 20;

std::string content_of(const std::filesystem::path& path)
{
    return ctx::read_file(path, 64 * mebibyte);
}

} // namespace

TEST_CASE("import: a raw image is there, unchangeable, by name and by digest")
{
    const CacheFixture here;
    const std::string bytes = noise(3 * mebibyte + 123);
    auto store = here.store();
    const Imported imported = store.import(here.write("disk.raw", bytes), {.alias = "debian"});

    CHECK_FALSE(imported.was_cached);
    CHECK(imported.image.digest == ctx::sha256_hex(bytes));
    CHECK(imported.image.format == Format::raw);
    CHECK(imported.image.virtual_size == bytes.size());
    CHECK(imported.image.source == here.file("disk.raw"));
    CHECK(imported.image.aliases == std::vector<std::string>{"debian"});
    CHECK(content_of(imported.image.path) == bytes);
    struct stat info{};
    REQUIRE(::stat(imported.image.path.c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0444);
    REQUIRE(::stat(here.cache().c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0755);

    const std::string digest = imported.image.digest;
    CHECK(store.find("debian").digest == digest);
    CHECK(store.find(digest).path == imported.image.path);
    CHECK(store.find("sha256:" + digest).path == imported.image.path);
    CHECK(store.find(digest.substr(0, 8)).path == imported.image.path);
    CHECK_NOTHROW(store.verify(store.find("debian")));
    CHECK(says(error_of([&] { store.find("debain"); }), "did you mean `debian`"));
    CHECK(says(error_of([&] { store.find("sha256:12"); }), "at least 8"));
}

TEST_CASE("import: holes stay holes, and have the digest of zeros")
{
    const CacheFixture here;
    const auto path = here.write("sparse.raw", noise(mebibyte));
    REQUIRE(::truncate(path.c_str(), 64 * mebibyte) == 0);
    {
        const ctx::Fd file = ctx::open_file(path, O_WRONLY);
        const std::string tail = noise(4096, 7);
        REQUIRE(::pwrite(file.get(), tail.data(), tail.size(), 40 * mebibyte) == 4096);
    }
    auto store = here.store();
    const Image image = store.import(path, {}).image;
    CHECK(image.digest == ctx::sha256_hex(content_of(path)));
    CHECK(image.file_size == 64 * mebibyte);
    CHECK(image.disk_usage < 2 * mebibyte);
    CHECK_NOTHROW(store.verify(image));
}

TEST_CASE("import: the same content again adds the name only")
{
    const CacheFixture here;
    auto store = here.store();
    const std::string bytes = noise(mebibyte);
    const Imported first = store.import(here.write("a.raw", bytes), {.alias = "one"});
    const Imported second = store.import(here.write("b.raw", bytes), {.alias = "two"});
    CHECK(second.was_cached);
    CHECK(second.image.path == first.image.path);
    CHECK(second.image.source == here.file("a.raw"));
    CHECK(second.image.aliases == std::vector<std::string>{"one", "two"});
    CHECK(store.list().size() == 1);
}

TEST_CASE("import: a file unchanged since is not read again; a changed one is")
{
    const CacheFixture here;
    auto store = here.store();
    const auto path = here.write("a.raw", noise(mebibyte));
    std::this_thread::sleep_for(150ms); // until its change is older than the clock's grain
    int reports = 0;
    const auto count = [&](const image_cache::Progress&) { ++reports; };
    const Image first = store.import(path, {.alias = "one", .progress = count}).image;
    CHECK(reports > 0);
    reports = 0;
    const Imported again = store.import(path, {.alias = "one", .progress = count});
    CHECK(again.was_cached);
    CHECK(again.image.digest == first.digest);
    CHECK(reports == 0);

    SECTION("in place, with its old time put back")
    {
        struct stat before{};
        REQUIRE(::stat(path.c_str(), &before) == 0);
        {
            const ctx::Fd file = ctx::open_file(path, O_WRONLY);
            REQUIRE(::pwrite(file.get(), "X", 1, 5000) == 1);
        }
        const std::array<timespec, 2> times = {before.st_atim, before.st_mtim};
        REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times.data(), 0) == 0);
        CHECK(store.import(path, {.alias = "one"}).image.digest != first.digest);
    }
    SECTION("unless a checksum says it must be another")
    {
        const auto error =
            error_of([&] { store.import(path, {.alias = "one", .expected_digest = std::string(64, 'a')}); });
        CHECK(says(error, "not what its checksum promises"));
        CHECK(says(error, first.digest));
    }
}

TEST_CASE("import: a name moves and remembers")
{
    const CacheFixture here;
    auto store = here.store();
    const Image old = store.import(here.write("a.raw", noise(4096, 1)), {.alias = "debian"}).image;
    const Image young = store.import(here.write("b.raw", noise(4096, 2)), {.alias = "debian"}).image;
    CHECK(store.find("debian").digest == young.digest);
    CHECK(store.find(old.digest).aliases.empty());
    const auto history = store.history("debian");
    REQUIRE(history.size() == 2);
    CHECK(history[0].digest == young.digest);
    CHECK(history[1].digest == old.digest);
    CHECK(history[0].since >= history[1].since);
}

TEST_CASE("import: a wrong request is refused and leaves nothing")
{
    const CacheFixture here;
    auto store = here.store();
    const auto path = here.write("a.raw", noise(4096));
    CHECK(says(error_of([&] { store.import(path, {.alias = "../up"}); }), "not a name"));
    CHECK(says(error_of([&] { store.import(path, {.alias = "deadbeef"}); }),
               "reads as the beginning of a digest"));
    CHECK(says(error_of([&] { store.import(path, {.expected_digest = "md5:12"}); }), "not a SHA-256 digest"));
    CHECK(
        says(error_of([&] { store.import(path, {.format = Format::qcow2}); }), "does not begin as a qcow2"));
    CHECK(says(error_of([&] { store.import(here.file("none"), {}); }), "No such file"));
    CHECK(says(error_of([&] { store.import(here.write("empty", ""), {}); }), "empty"));
    CHECK(says(error_of([&] { store.import(here.write("z", "\x1f\x8b\x08 zipped"), {}); }), "a gzip file"));
    REQUIRE(::mkfifo(here.file("fifo").c_str(), 0600) == 0);
    CHECK(says(error_of([&] { store.import(here.file("fifo"), {}); }), "not a regular file"));
    CHECK(says(error_of([&] { store.import(here.cache().parent_path(), {}); }), "not a regular file"));
    const Qcow2Maker hostile = Qcow2Maker().u64(8, 1024).u32(16, 11);
    const auto error =
        error_of([&] { store.import(here.write("evil.qcow2", hostile.bytes()), {.alias = "evil"}); });
    CHECK(says(error, "backing file"));
    CHECK(says(error, "evil.qcow2"));
    CHECK_FALSE(std::filesystem::exists(here.cache()));
}

TEST_CASE("import: the same bytes cannot be raw and qcow2")
{
    const CacheFixture here;
    auto store = here.store();
    const auto path = here.write("a.qcow2", Qcow2Maker().bytes());
    CHECK(store.import(path, {.alias = "q"}).image.format == Format::qcow2);
    CHECK(says(error_of([&] { store.import(path, {.format = Format::raw}); }), "in another format"));
}

TEST_CASE("import: a file that changes while it is read is refused")
{
    const CacheFixture here;
    auto store = here.store();
    const auto path = here.write("a.raw", noise(mebibyte));
    const auto grow = [&](const image_cache::Progress&) {
        const ctx::Fd file = ctx::open_file(path, O_WRONLY | O_APPEND);
        REQUIRE(::write(file.get(), "more", 4) == 4);
    };
    CHECK(says(error_of([&] { store.import(path, {.alias = "a", .progress = grow}); }),
               "changed while it was read"));
    const auto shrink = [&](const image_cache::Progress&) { REQUIRE(::truncate(path.c_str(), 1000) == 0); };
    CHECK(error_of([&] { store.import(path, {.alias = "a", .progress = shrink}); }));
    CHECK(store.list().empty());
    CHECK(std::filesystem::is_empty(here.cache() / "images"));
}

TEST_CASE("import: what qemu-img makes is taken; what stands on another file is not")
{
    if (::access("/usr/bin/qemu-img", X_OK) != 0) {
        WARN("skipped: qemu-img is not installed");
        return;
    }
    const CacheFixture here;
    auto store = here.store();
    const auto make = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"/usr/bin/qemu-img", "create", "-q", "-f", "qcow2"});
        ctx::run_checked({.argv = std::move(arguments)}, ctx::Deadline::in(30s));
    };
    const std::string plain = here.file("plain.qcow2");
    make({plain, "3G"});
    const Image image = store.import(plain, {}).image;
    CHECK(image.format == Format::qcow2);
    CHECK(image.virtual_size == std::uint64_t{3} << 30);

    for (const std::string options :
         {"compat=0.10", "compression_type=zstd", "extended_l2=on", "cluster_size=512", "cluster_size=2M",
          "lazy_refcounts=on", "refcount_bits=1", "preallocation=metadata"}) {
        INFO(options);
        const std::string path = here.file(options + ".qcow2");
        make({"-o", options, path, "100M"});
        CHECK(store.import(path, {}).image.virtual_size == 100 * mebibyte);
    }

    make({"-b", plain, "-F", "qcow2", here.file("overlay.qcow2")});
    CHECK(says(error_of([&] { store.import(here.file("overlay.qcow2"), {}); }), "backing file"));
    make({"-o", "data_file=" + here.file("data.raw").string() + ",data_file_raw=on", here.file("split.qcow2"),
          "1G"});
    CHECK(says(error_of([&] { store.import(here.file("split.qcow2"), {}); }), "data in another file"));
    // Not LUKS: making one measures the processor, and refuses to on a busy host.
    ctx::run_checked(
        {.argv = {"/usr/bin/qemu-img", "create", "-q", "-f", "qcow2", "--object", "secret,id=s,data=word",
                  "-o", "encrypt.format=aes,encrypt.key-secret=s", here.file("aes.qcow2"), "10M"}},
        ctx::Deadline::in(60s));
    CHECK(says(error_of([&] { store.import(here.file("aes.qcow2"), {}); }), "encrypted"));
}
