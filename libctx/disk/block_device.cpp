#include <cerrno>
#include <utility>

#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/block_device.hpp>

namespace ctx {

void require_within(const ByteRange& range, std::uint64_t size)
{
    if (range.offset <= size && range.size <= size - range.offset) return;
    throw Error(Blame::user, "the disk refers to bytes beyond its end")
        .because(fmt::format("{} bytes at {}, where {} is the end", range.size, range.offset, size))
        .mend("the image is damaged or cut off: get it again");
}

std::string read_bytes(const BlockReader& from, std::uint64_t offset, std::size_t size)
{
    // Before memory is taken for what a hostile disk claims.
    require_within({.offset = offset, .size = size}, from.size());
    std::string bytes(size, '\0');
    from.read(offset, bytes);
    return bytes;
}

WindowReader::WindowReader(const BlockReader& disk, const ByteRange& range) : disk_(disk), range_(range)
{
    require_within(range, disk.size());
}

void WindowReader::read(std::uint64_t offset, std::span<char> into) const
{
    require_within({.offset = offset, .size = into.size()}, range_.size);
    disk_.read(range_.offset + offset, into);
}

WindowDevice::WindowDevice(BlockDevice& disk, const ByteRange& range) : disk_(disk), range_(range)
{
    require_within(range, disk.size());
}

void WindowDevice::read(std::uint64_t offset, std::span<char> into) const
{
    require_within({.offset = offset, .size = into.size()}, range_.size);
    disk_.read(range_.offset + offset, into);
}

void WindowDevice::write(std::uint64_t offset, std::span<const char> from)
{
    require_within({.offset = offset, .size = from.size()}, range_.size);
    disk_.write(range_.offset + offset, from);
}

void WindowDevice::flush()
{
    disk_.flush();
}

FileReader::FileReader(Fd file, std::string name) : file_(std::move(file)), name_(std::move(name))
{
    // Not fstat: a block device has no size there.
    const off_t end = ::lseek(file_.get(), 0, SEEK_END);
    if (end < 0) throw system_error("cannot read", name_, errno);
    size_ = static_cast<std::uint64_t>(end);
}

void FileReader::read(std::uint64_t offset, std::span<char> into) const
{
    require_within({.offset = offset, .size = into.size()}, size_);
    while (!into.empty()) {
        const ssize_t count = ::pread(file_.get(), into.data(), into.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw system_error("cannot read", name_, errno);
        if (count == 0) throw Error(Blame::node, "the image became shorter while it was read").at(name_);
        into = into.subspan(static_cast<std::size_t>(count));
        offset += static_cast<std::uint64_t>(count);
    }
}

} // namespace ctx
