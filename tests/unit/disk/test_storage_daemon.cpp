#include <chrono>
#include <filesystem>
#include <string>

#include <catch2/catch.hpp>

#include <ctx/base/digest.hpp>
#include <ctx/ext_tree.hpp>
#include <ctx/storage_daemon.hpp>

#include "disk/cached_device.hpp"
#include "disk/nbd_device.hpp"
#include "ext_maker.hpp"

using ctx::ImageFile;

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t mebibyte = 1 << 20;

ctx::Deadline soon()
{
    return ctx::Deadline::in(std::chrono::minutes(2));
}

void qemu_img(std::vector<std::string> words)
{
    words.insert(words.begin(), "/usr/bin/qemu-img");
    ctx::run_checked({.argv = std::move(words)}, soon());
}

} // namespace

TEST_CASE("a file is written into an overlay through qemu-storage-daemon; the base stays as it was")
{
    const ExtImage base({"-t", "ext4"}, 32 * mebibyte);
    const TemporaryDirectory directory;
    const std::string overlay = (directory / "overlay,with=odd name.qcow2").string();
    const std::string digest = ctx::sha256_hex(ctx::read_file(base.path(), 32 * mebibyte));
    qemu_img({"create", "-q", "-f", "qcow2", "-F", "raw", "-b", base.path().string(), overlay});
    {
        ctx::StorageDaemon daemon(overlay, {.path = base.path(), .format = ImageFile::Format::raw});
        {
            ctx::NbdDevice server(daemon.take_connection());
            ctx::CachedDevice cache(server);
            const auto tree = ctx::open_ext_tree(cache, 1'700'000'000);
            tree->write_bytes("/hostname", "wn-1\n", {});
            tree->close();
            cache.flush();
        }
        daemon.finish(soon());
    }
    CHECK(ctx::sha256_hex(ctx::read_file(base.path(), 32 * mebibyte)) == digest);
    const fs::path flat = directory / "flat";
    qemu_img({"convert", "-f", "qcow2", "-O", "raw", overlay, flat.string()});
    CHECK(ctx::run({.argv = {"/sbin/e2fsck", "-fn", flat.string()}}, soon()).status.success());

    // Read alone, what the overlay says it stands on is not followed: only what is in it is there.
    ctx::StorageDaemon daemon({.path = overlay, .format = ImageFile::Format::qcow2});
    {
        const ctx::NbdDevice server(daemon.take_connection());
        CHECK(server.size() == 32 * mebibyte);
    }
    daemon.finish(soon());
    const FileDisk disk(flat);
    CHECK(ctx::read_ext_tree(disk)->read_file("/hostname", 100) == "wn-1\n");
}

TEST_CASE("an image that cannot be served is an error with the daemon's own words")
{
    const TemporaryDirectory directory;
    ctx::write_file(directory / "no.qcow2", "no qcow2 at all", 0600);
    ctx::StorageDaemon daemon({.path = directory / "no.qcow2", .format = ImageFile::Format::qcow2});
    CHECK_THROWS_AS(ctx::NbdDevice(daemon.take_connection()), ctx::Error);
    CHECK_THROWS_WITH(daemon.finish(soon()), Catch::Matchers::Contains("not in qcow2 format"));
}
