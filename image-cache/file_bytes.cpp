#include "file_bytes.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace image_cache {

using ctx::Blame;
using ctx::Error;

void read_exactly(const NamedFd& file, char* data, std::uint64_t count, std::uint64_t offset, Blame blame)
{
    while (count > 0) {
        const ssize_t got = ::pread(file.fd, data, count, static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw ctx::system_error("cannot read", file.name, errno, blame);
        if (got == 0)
            throw Error(blame, "the file became shorter while it was read")
                .at(file.name)
                .mend("let whoever writes it finish first");
        data += got;
        count -= static_cast<std::uint64_t>(got);
        offset += static_cast<std::uint64_t>(got);
    }
}

Error cannot_write(const NamedFd& file, int error_number)
{
    Error error = ctx::system_error("cannot write to the image cache", file.name, error_number);
    if (error_number != ENOSPC && error_number != EDQUOT) return error;
    return std::move(error).mend(
        "make room on its file system: `vmbatch image list` shows what is there, `vmbatch "
        "image rm IMAGE` removes");
}

void write_exactly(const NamedFd& file, const char* data, std::uint64_t count, std::uint64_t offset)
{
    while (count > 0) {
        const ssize_t put = ::pwrite(file.fd, data, count, static_cast<off_t>(offset));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) throw cannot_write(file, errno);
        data += put;
        count -= static_cast<std::uint64_t>(put);
        offset += static_cast<std::uint64_t>(put);
    }
}

namespace {

// The file systems' and qcow2's usual allocation: finer holes cost more than they save.
constexpr std::uint64_t hole = 64 << 10;

bool is_zero(const char* data, std::uint64_t count)
{
    // Each byte equals the one before it, and the first is zero.
    return count == 0 || (data[0] == 0 && std::memcmp(data, data + 1, count - 1) == 0);
}

} // namespace

std::uint64_t write_sparsely(const NamedFd& file, const char* data, std::uint64_t count, std::uint64_t offset)
{
    std::uint64_t written = 0;
    std::uint64_t at = 0;
    while (at < count) {
        const auto block = [&](std::uint64_t place) {
            return std::min(hole - (offset + place) % hole, count - place);
        };
        if (is_zero(data + at, block(at))) {
            at += block(at);
            continue;
        }
        std::uint64_t end = at;
        while (end < count && !is_zero(data + end, block(end))) end += block(end);
        write_exactly(file, data + at, end - at, offset + at);
        written += end - at;
        at = end;
    }
    return written;
}

std::uint64_t free_space(const NamedFd& file)
{
    struct statvfs info{};
    if (::fstatvfs(file.fd, &info) < 0)
        throw ctx::system_error("cannot see how much room there is", file.name, errno);
    return std::uint64_t{info.f_bavail} * info.f_frsize;
}

bool is_on_network(int fd)
{
    // NFS, SMB, CIFS, Ceph, Lustre, AFS, FUSE (whatever is behind it).
    static constexpr std::array<std::uint64_t, 8> servers = {0x6969,     0xfe534d42, 0xff534d42, 0x00c36400,
                                                             0x0bd00bd0, 0x5346414f, 0x65735546, 0x6b414653};
    struct statfs info{};
    if (::fstatfs(fd, &info) < 0) return true;
    return std::ranges::count(servers, static_cast<std::uint64_t>(info.f_type) & 0xffffffffU) > 0;
}

} // namespace image_cache
