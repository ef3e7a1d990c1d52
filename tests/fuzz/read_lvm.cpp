// Whatever the text in a physical volume with right sums, or the bytes of one: volumes within the disk, or an
// Error.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <ctx/base/error.hpp>
#include <ctx/volumes.hpp>

#include "../unit/disk/lvm_maker.hpp"
#include "../unit/disk/memory_disk.hpp"

namespace {

void read(const MemoryDisk& disk)
{
    try {
        const auto group = ctx::read_lvm(disk);
        if (!group) return;
        for (const ctx::LogicalVolume& volume : group->volumes) {
            if (volume.range.has_value() == !volume.obstacle.empty()) __builtin_trap();
            if (volume.range) ctx::WindowReader(disk, *volume.range);
        }
    } catch (const ctx::Error& error) {
        if (error.reason().empty() || error.remedy().empty()) __builtin_trap();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    read(MemoryDisk(std::string(input)));
    constexpr std::size_t longest = 32000;
    if (!input.empty() && size < longest) read(MemoryDisk(make_physical_volume(input, 1 << 20, 30000)));
    return 0;
}
