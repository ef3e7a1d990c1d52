#include "disk/nbd_device.hpp"

#include <algorithm>

#include <libnbd.h>

#include <ctx/base/error.hpp>

namespace ctx {

namespace {

// What every server takes in one request.
constexpr std::size_t largest_request = 16 << 20;

[[noreturn]] void fail(std::string_view doing)
{
    const char* why = nbd_get_error();
    throw Error(Blame::node, "cannot " + std::string(doing) + " the image through qemu-storage-daemon")
        .because(why == nullptr ? "no message from libnbd" : why);
}

} // namespace

void NbdDevice::Close::operator()(nbd_handle* handle) const
{
    nbd_shutdown(handle, 0);
    nbd_close(handle);
}

NbdDevice::NbdDevice(Fd socket) : handle_(nbd_create())
{
    if (!handle_) fail("open");
    // libnbd closes the socket.
    if (nbd_connect_socket(handle_.get(), socket.release()) < 0) fail("open");
    const int64_t size = nbd_get_size(handle_.get());
    if (size < 0) fail("open");
    size_ = static_cast<std::uint64_t>(size);
}

NbdDevice::~NbdDevice() = default;

void NbdDevice::read(std::uint64_t offset, std::span<char> into) const
{
    require_within({.offset = offset, .size = into.size()}, size_);
    while (!into.empty()) {
        const std::size_t count = std::min(into.size(), largest_request);
        if (nbd_pread(handle_.get(), into.data(), count, offset, 0) < 0) fail("read");
        into = into.subspan(count);
        offset += count;
    }
}

void NbdDevice::write(std::uint64_t offset, std::span<const char> from)
{
    require_within({.offset = offset, .size = from.size()}, size_);
    while (!from.empty()) {
        const std::size_t count = std::min(from.size(), largest_request);
        if (nbd_pwrite(handle_.get(), from.data(), count, offset, 0) < 0) fail("write");
        from = from.subspan(count);
        offset += count;
    }
}

void NbdDevice::flush()
{
    if (nbd_can_flush(handle_.get()) > 0 && nbd_flush(handle_.get(), 0) < 0) fail("write");
}

} // namespace ctx
