#include "tree/ext/block_channel.hpp"

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include <ctx/base/error.hpp>

namespace ctx {

namespace {

ChannelDevice& device_of(io_channel channel)
{
    return *static_cast<ChannelDevice*>(channel->private_data);
}

// A negative count is one of bytes.
std::size_t bytes_of(io_channel channel, int count)
{
    return count < 0 ? static_cast<std::size_t>(-std::int64_t{count})
                     : static_cast<std::size_t>(count) * static_cast<std::size_t>(channel->block_size);
}

std::uint64_t offset_of(io_channel channel, unsigned long long block)
{
    const auto size = static_cast<std::uint64_t>(channel->block_size);
    // Beyond every device: an error there, never a place at the beginning.
    return block > UINT64_MAX / size ? UINT64_MAX : block * size;
}

errcode_t close_channel(io_channel channel)
{
    if (--channel->refcount > 0) return 0;
    std::free(channel->name);
    std::free(channel);
    return 0;
}

errcode_t set_block_size(io_channel channel, int size)
{
    channel->block_size = size;
    return 0;
}

errcode_t read_blocks(io_channel channel, unsigned long long block, int count, void* data)
{
    return device_of(channel).read(offset_of(channel, block),
                                   {static_cast<char*>(data), bytes_of(channel, count)});
}

errcode_t write_blocks(io_channel channel, unsigned long long block, int count, const void* data)
{
    return device_of(channel).write(offset_of(channel, block),
                                    {static_cast<const char*>(data), bytes_of(channel, count)});
}

errcode_t read_blocks_32(io_channel channel, unsigned long block, int count, void* data)
{
    return read_blocks(channel, block, count, data);
}

errcode_t write_blocks_32(io_channel channel, unsigned long block, int count, const void* data)
{
    return write_blocks(channel, block, count, data);
}

errcode_t flush_channel(io_channel channel)
{
    return device_of(channel).flush();
}

errcode_t open_channel(const char* name, int, io_channel* result)
{
    std::uintptr_t address = 0;
    const char* end = name + std::strlen(name);
    if (std::from_chars(name, end, address, 16).ptr != end || address == 0) return EXT2_ET_BAD_DEVICE_NAME;
    auto* channel = static_cast<io_channel>(std::calloc(1, sizeof(struct_io_channel)));
    if (channel == nullptr) return EXT2_ET_NO_MEMORY;
    channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
    channel->manager = ChannelDevice::manager();
    channel->name = ::strdup(name);
    channel->block_size = 1024;
    channel->refcount = 1;
    channel->private_data = reinterpret_cast<void*>(address); // NOLINT(performance-no-int-to-ptr)
    *result = channel;
    return 0;
}

} // namespace

std::string ChannelDevice::name() const
{
    return fmt::format("{:x}", reinterpret_cast<std::uintptr_t>(this));
}

io_manager ChannelDevice::manager()
{
    static struct_io_manager methods = [] {
        struct_io_manager result{};
        result.magic = EXT2_ET_MAGIC_IO_MANAGER;
        result.name = "VmBatch block device";
        result.open = open_channel;
        result.close = close_channel;
        result.set_blksize = set_block_size;
        result.read_blk = read_blocks_32;
        result.write_blk = write_blocks_32;
        result.flush = flush_channel;
        result.read_blk64 = read_blocks;
        result.write_blk64 = write_blocks;
        return result;
    }();
    return &methods;
}

void ChannelDevice::rethrow()
{
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

errcode_t ChannelDevice::read(std::uint64_t offset, std::span<char> into) noexcept
{
    try {
        reader_.read(offset, into);
        return 0;
    } catch (...) {
        if (!failure_) failure_ = std::current_exception();
        return EXT2_ET_SHORT_READ;
    }
}

errcode_t ChannelDevice::write(std::uint64_t offset, std::span<const char> from) noexcept
{
    if (writer_ == nullptr) return EXT2_ET_RO_FILSYS;
    try {
        writer_->write(offset, from);
        return 0;
    } catch (...) {
        if (!failure_) failure_ = std::current_exception();
        return EXT2_ET_SHORT_WRITE;
    }
}

errcode_t ChannelDevice::flush() noexcept
{
    if (writer_ == nullptr) return 0;
    try {
        writer_->flush();
        return 0;
    } catch (...) {
        if (!failure_) failure_ = std::current_exception();
        return EXT2_ET_SHORT_WRITE;
    }
}

} // namespace ctx
