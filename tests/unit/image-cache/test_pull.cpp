// Whole pulls within one process, of files: the pipeline of threads under the sanitizers. What servers do to
// a pull is tests/integration's.
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <ctx/base/fd.hpp>
#include <ctx/base/process.hpp>
#include <image-cache/prune.hpp>
#include <image-cache/pull.hpp>

#include "cache_fixture.hpp"

using namespace image_cache;
using namespace image_cache_tests;
using namespace std::chrono_literals;

namespace {

const std::string& disk()
{
    static const std::string bytes = noise(5'000'000) + std::string(3'000'000, '\0') + noise(1'234'567, 7);
    return bytes;
}

PullRequest request_for(const std::filesystem::path& file)
{
    PullRequest request;
    request.urls = {"file://" + file.string()};
    return request;
}

std::filesystem::path packed(const CacheFixture& here, const std::string& tool)
{
    here.write("disk", disk());
    ctx::run_checked({.argv = {"/bin/sh", "-c", "( " + tool + " ) <disk >packed"},
                      .working_directory = here.file("").string()},
                     ctx::Deadline::in(60s));
    return here.file("packed");
}

std::string content(const Image& image)
{
    return ctx::read_file(image.path, 64 << 20);
}

} // namespace

TEST_CASE("pull: each packing in a process of its own threads")
{
    const CacheFixture here;
    Store store = here.store();
    for (const char* tool : {"cat", "gzip -1", "bzip2 -1", "xz -0", "xz -0 -T2 --block-size=1MiB", "zstd -1",
                             "cat >/dev/null; tar cO disk | xz -0"}) {
        INFO(tool);
        PullRequest request = request_for(packed(here, tool));
        request.cache_only = CacheOnly::never;
        const Pulled pulled = pull(store, request);
        CHECK(content(pulled.image) == disk());
        store.remove(pulled.image);
    }
}

TEST_CASE("pull: a file that is the same is not read again")
{
    const CacheFixture here;
    Store store = here.store();
    PullRequest request = request_for(packed(here, "gzip -1"));
    request.alias = "x";
    CHECK(pull(store, request).result == PullResult::pulled);
    CHECK(pull(store, request).result == PullResult::cached);
    here.write("packed", noise(9000));
    CHECK(pull(store, request).result == PullResult::pulled);
    CHECK(store.history("x").size() == 2);
}

TEST_CASE("pull: what is wrong ends every thread and leaves nothing")
{
    const CacheFixture here;
    Store store = here.store();
    const auto file = packed(here, "gzip -1 | head -c 3000000");
    const auto error = error_of([&] { pull(store, request_for(file)); });
    CHECK(says(error, "they end in the middle"));

    PullRequest wrong = request_for(packed(here, "gzip -1"));
    wrong.checksum = "sha256:" + std::string(64, '0');
    CHECK(says(error_of([&] { pull(store, wrong); }), std::string(64, '0')));

    PullRequest small = request_for(packed(here, "gzip -1"));
    small.limits.image = 4'000'000;
    CHECK(says(error_of([&] { pull(store, small); }), "larger than images may be"));
    CHECK(store.list().empty());
}

TEST_CASE("pull: a conversion has to end in its time")
{
    const CacheFixture here;
    Store store = here.store();
    ctx::run_checked(
        {.argv = {"/usr/bin/qemu-img", "create", "-q", "-f", "vmdk", here.file("disk.vmdk").string(), "1M"}},
        ctx::Deadline::in(60s));
    PullRequest request = request_for(here.file("disk.vmdk"));
    request.limits.program = 0s;
    const auto error = error_of([&] { pull(store, request); });
    CHECK(says(error, "converting a vmdk disk"));
    CHECK((error && error->timed_out()));
    CHECK(store.list().empty());
}

TEST_CASE("pull: whoever asked may lose interest")
{
    const CacheFixture here;
    Store store = here.store();
    PullRequest request = request_for(packed(here, "cat"));
    request.still_wanted = [] { throw std::runtime_error("enough"); };
    CHECK_THROWS_AS(pull(store, request), std::runtime_error);
    request.still_wanted = nullptr;
    CHECK(content(pull(store, request).image) == disk());
}

TEST_CASE("import: a packed file that changes while it is read is no image")
{
    const CacheFixture here;
    Store store = here.store();
    const auto file = packed(here, "gzip -1");
    const auto grow = [&](const Progress& progress) {
        if (progress.stage != "fetch") return;
        const ctx::Fd opened = ctx::open_file(file, O_WRONLY | O_APPEND);
        REQUIRE(::write(opened.get(), "\0", 1) == 1);
    };
    const auto error = error_of([&] { import_file(store, file, {.alias = "a", .progress = grow}, {}); });
    CHECK(says(error, "one and the same file"));
    CHECK(error->blame() == ctx::Blame::user);
    CHECK(store.list().empty());
    CHECK(content(import_file(store, file, {.alias = "a"}, {}).image) == disk());
}

TEST_CASE("import: what is no file is refused by either way")
{
    const CacheFixture here;
    Store store = here.store();
    CHECK(says(error_of([&] { import_file(store, here.file("none"), {}, {}); }), "No such file"));
    REQUIRE(::mkfifo(here.file("fifo").c_str(), 0600) == 0);
    CHECK(says(error_of([&] { import_file(store, here.file("fifo"), {}, {}); }), "not a regular file"));
}

TEST_CASE("prune: a lease keeps an image, a dead one's does not")
{
    const CacheFixture here;
    Store store = here.store();
    const Image image = pull(store, request_for(packed(here, "cat"))).image;
    std::filesystem::create_directory(here.file("job"));
    store.lease(image, "1.server", here.file("job"));
    CHECK(prune(store, {}).removed.empty());
    std::filesystem::remove(here.file("job"));
    CHECK(prune(store, {.dry_run = true}).dead_leases.size() == 1);
    CHECK(store.holders(image.digest).size() == 1);
    CHECK(prune(store, {}).removed.size() == 1);
    CHECK(store.list().empty());
}
