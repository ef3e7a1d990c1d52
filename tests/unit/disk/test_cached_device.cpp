#include <algorithm>
#include <random>
#include <string>

#include <catch2/catch.hpp>

#include "disk/cached_device.hpp"
#include "memory_disk.hpp"

using ctx::CachedDevice;

TEST_CASE("the cache reads a stretch once, and writes only what was written")
{
    MemoryDisk disk(std::string(1 << 20, 'a'));
    CachedDevice cache(disk);
    for (std::uint64_t at = 0; at < CachedDevice::line_size; at += 4096) ctx::read_bytes(cache, at, 4096);
    CHECK(disk.reads == 1);
    const std::string block(4096, 'b');
    cache.write(CachedDevice::line_size * 2, block); // whole sectors: not read first
    cache.write((CachedDevice::line_size * 2) + 4096, block);
    CHECK(disk.reads == 1);
    CHECK(disk.writes == 0);
    cache.flush();
    CHECK(disk.writes == 1);
    CHECK(disk.flushes == 1);
    cache.flush();
    CHECK(disk.writes == 1);
    CHECK(disk.bytes.substr(CachedDevice::line_size * 2, 8192) == block + block);
    CHECK(disk.bytes[(CachedDevice::line_size * 2) + 8192] == 'a');
}

TEST_CASE("what was not flushed is not written")
{
    MemoryDisk disk(std::string(100'000, 'a'));
    CachedDevice(disk).write(0, std::string_view("xyz"));
    CHECK(disk.writes == 0);
}

TEST_CASE("the cache and the disk agree, whatever is read and written, however small the cache")
{
    std::mt19937 random(7); // NOLINT(cert-msc32-c,cert-msc51-cpp): the same every time
    const auto below = [&](std::size_t end) { return static_cast<std::size_t>(random() % end); };
    constexpr std::size_t size = (1 << 20) + 777; // its last sector is not whole
    MemoryDisk disk(std::string(size, '\0'));
    std::string wanted = disk.bytes;
    CachedDevice cache(disk, 5 * CachedDevice::line_size);
    for (int i = 0; i < 3000; ++i) {
        const std::size_t at = below(size);
        const std::size_t count = std::min(below(i % 5 == 0 ? 200'000 : 3000), size - at);
        if (random() % 2 == 0) {
            const std::string bytes(count, static_cast<char>('a' + (i % 26)));
            cache.write(at, bytes);
            wanted.replace(at, count, bytes);
        } else if (ctx::read_bytes(cache, at, count) != wanted.substr(at, count)) {
            FAIL("read something else at " << at << ", step " << i);
        }
        if (i % 500 == 0) cache.flush();
    }
    cache.flush();
    CHECK((disk.bytes == wanted));
}
