// Whatever the bytes of a disk: partitions within it, or an Error. The sums of a GPT are made right first.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <zlib.h>

#include <ctx/base/error.hpp>
#include <ctx/volumes.hpp>

#include "../unit/disk/lvm_maker.hpp"
#include "../unit/disk/memory_disk.hpp"

namespace {

std::uint32_t sum(std::string_view bytes)
{
    return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

void mend_sums(std::string& disk)
{
    constexpr std::size_t header = 512;
    if (disk.size() < 1024 || std::string_view(disk).substr(header, 8) != "EFI PART") return;
    const auto number = [&](std::size_t at) {
        std::uint64_t value = 0;
        for (std::size_t i = 4; i-- > 0;)
            value = (value << 8U) | static_cast<unsigned char>(disk[header + at + i]);
        return value;
    };
    const std::uint64_t start = number(72) * 512;
    const std::uint64_t size = number(80) * number(84);
    if (start < disk.size() && size <= disk.size() - start)
        put_number<std::uint32_t>(disk, header + 88, sum(std::string_view(disk).substr(start, size)));
    put_number<std::uint32_t>(disk, header + 16, 0);
    put_number<std::uint32_t>(
        disk, header + 16,
        sum(std::string_view(disk).substr(header, std::min<std::uint64_t>(number(12), 512))));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    std::string bytes(reinterpret_cast<const char*>(data), size);
    mend_sums(bytes);
    const MemoryDisk disk(std::move(bytes));
    try {
        const auto table = ctx::read_partitions(disk);
        if (!table) return 0;
        for (const ctx::Partition& partition : table->partitions) ctx::WindowReader(disk, partition.range);
    } catch (const ctx::Error& error) {
        if (error.reason().empty() || error.remedy().empty()) __builtin_trap();
    }
    return 0;
}
