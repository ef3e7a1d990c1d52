#include "copy.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <vector>

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <ctx/base/digest.hpp>
#include <ctx/base/page_buffer.hpp>

#include "file_bytes.hpp"

namespace image_cache {

using namespace std::chrono_literals;
using ctx::Blame;

Ticker::Ticker(const ProgressFunction& report, std::string_view stage, std::uint64_t total)
    : report_(report), progress_{.stage = stage, .done = 0, .total = total}
{
    advance(0);
}

void Ticker::advance(std::uint64_t count)
{
    progress_.done += count;
    const auto now = std::chrono::steady_clock::now();
    if (!report_ || (now < next_ && progress_.done < progress_.total)) return;
    next_ = now + 100ms;
    report_(progress_);
}

namespace {

// Large enough to make system calls cheap, small enough to be hashed while it is in the processor's cache.
constexpr std::uint64_t chunk = 1 << 20;

struct Segment {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

// The next part at or after `offset` that is no hole.
std::optional<Segment> next_data(const NamedFd& file, std::uint64_t offset, std::uint64_t size, Blame blame)
{
    if (offset >= size) return std::nullopt;
    const off_t begin = ::lseek(file.fd, static_cast<off_t>(offset), SEEK_DATA);
    if (begin < 0) {
        if (errno == ENXIO) return std::nullopt;
        if (errno == EINVAL || errno == EOPNOTSUPP) return Segment{.begin = offset, .end = size};
        throw ctx::system_error("cannot read", file.name, errno, blame);
    }
    const off_t end = ::lseek(file.fd, begin, SEEK_HOLE);
    Segment segment{.begin = static_cast<std::uint64_t>(begin),
                    .end = end < 0 ? size : std::min(static_cast<std::uint64_t>(end), size)};
    if (segment.begin >= size) return std::nullopt;
    return segment;
}

void hash_zeros(ctx::Sha256& hash, std::uint64_t count, Ticker& ticker)
{
    static const std::vector<char> zeros(chunk);
    while (count > 0) {
        const std::uint64_t step = std::min(count, chunk);
        hash.update(zeros.data(), step);
        ticker.advance(step);
        count -= step;
    }
}

// Walks a file's data in chunks and its holes as wholes.
template <class OnData, class OnHole>
void walk(const NamedFd& file, std::uint64_t size, Blame blame, OnData on_data, OnHole on_hole)
{
    std::uint64_t offset = 0;
    while (const std::optional<Segment> data = next_data(file, offset, size, blame)) {
        if (data->begin > offset) on_hole(data->begin - offset);
        offset = data->begin;
        while (offset < data->end) {
            const std::uint64_t count = std::min(chunk, data->end - offset);
            on_data(offset, count);
            offset += count;
        }
    }
    if (offset < size) on_hole(size - offset);
}

bool clone(const NamedFd& from, const NamedFd& to)
{
    return ::ioctl(to.fd, FICLONE, from.fd) == 0;
}

// False when the file systems cannot do it for this pair of files; what was copied before that is no harm.
bool copy_by_kernel(const NamedFd& from, const NamedFd& to, std::uint64_t offset, std::uint64_t count)
{
    auto in = static_cast<off_t>(offset);
    auto out = in;
    while (count > 0) {
        const ssize_t done = ::copy_file_range(from.fd, &in, to.fd, &out, count, 0);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)) throw cannot_write(to, errno);
        // Whatever else it is, read and write either work or say it better.
        if (done <= 0) return false;
        count -= static_cast<std::uint64_t>(done);
    }
    return true;
}

} // namespace

std::string hash_file(const NamedFd& file, std::uint64_t size, const ProgressFunction& report)
{
    ctx::Sha256 hash;
    Ticker ticker(report, "hash", size);
    const ctx::PageBuffer buffer(chunk);
    walk(
        file, size, Blame::node,
        [&](std::uint64_t offset, std::uint64_t count) {
            read_exactly(file, buffer.data(), count, offset, Blame::node);
            hash.update(buffer.data(), count);
            ticker.advance(count);
        },
        [&](std::uint64_t count) { hash_zeros(hash, count, ticker); });
    return hash.finish();
}

std::string copy_and_hash(const NamedFd& from, const NamedFd& to, std::uint64_t size,
                          const ProgressFunction& report, CopyWay way)
{
    if (way == CopyWay::clone && clone(from, to)) {
        // A source that grew meanwhile is cloned with its growth.
        if (::ftruncate(to.fd, static_cast<off_t>(size)) < 0) throw cannot_write(to, errno);
        return hash_file(to, size, report);
    }
    if (::ftruncate(to.fd, static_cast<off_t>(size)) < 0) throw cannot_write(to, errno);

    ctx::Sha256 hash;
    Ticker ticker(report, "copy", size);
    const ctx::PageBuffer buffer(chunk);
    bool by_kernel = way != CopyWay::user;
    walk(
        from, size, Blame::user,
        [&](std::uint64_t offset, std::uint64_t count) {
            const bool tried = by_kernel;
            by_kernel = by_kernel && copy_by_kernel(from, to, offset, count);
            // What the kernel copied is read back: the digest is of what is in the cache, whatever happens to
            // the source meanwhile. What it copied in part is written over, zeros too.
            const NamedFd& origin = by_kernel ? to : from;
            read_exactly(origin, buffer.data(), count, offset, by_kernel ? Blame::node : Blame::user);
            if (!by_kernel && tried) write_exactly(to, buffer.data(), count, offset);
            if (!by_kernel && !tried) write_sparsely(to, buffer.data(), count, offset);
            hash.update(buffer.data(), count);
            ticker.advance(count);
        },
        [&](std::uint64_t count) { hash_zeros(hash, count, ticker); });
    return hash.finish();
}

} // namespace image_cache
