#include "taps.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace image_cache {

namespace {

// So much gathers before the kernel is told to write it out: the fsync at the end then finds little to do.
constexpr std::uint64_t write_behind = 8 << 20;

} // namespace

void Tee::put(Chunk chunk)
{
    for (ByteSink* sink : sinks_) sink->put(chunk);
}

void Tee::end()
{
    for (ByteSink* sink : sinks_) sink->end();
}

HashTap::HashTap(Flow& flow, HashKind kind, Listener listener)
    : flow_(flow), input_(flow), hash_(kind), listener_(std::move(listener)), stage_(flow, [this] { work(); })
{
}

void HashTap::work()
{
    std::uint64_t offset = 0;
    while (const Chunk chunk = input_.pop()) {
        hash_.update(chunk->bytes());
        offset += chunk->size;
        if (listener_) listener_(offset, hash_);
    }
    flow_.now([&] { done_ = true; });
}

std::string HashTap::digest()
{
    return flow_.when([&] { return done_; }, [&] { return hash_.digest(); });
}

WriteTap::WriteTap(Flow& flow, NamedFd file, std::uint64_t offset, Listener listener)
    : flow_(flow), input_(flow), file_(std::move(file)), offset_(offset), sent_(offset),
      listener_(std::move(listener)), stage_(flow, [this] { work(); })
{
}

void WriteTap::send_to_disk(std::uint64_t offset)
{
    if (offset - sent_ < write_behind) return;
    // Only advice: what goes wrong here, fsync reports.
    ::sync_file_range(file_.fd, static_cast<off_t>(sent_), static_cast<off_t>(offset - sent_),
                      SYNC_FILE_RANGE_WRITE);
    sent_ = offset;
}

void WriteTap::work()
{
    std::uint64_t data = 0;
    while (const Chunk chunk = input_.pop()) {
        const std::string_view bytes = chunk->bytes();
        data += write_sparsely(file_, bytes.data(), bytes.size(), offset_);
        offset_ += bytes.size();
        send_to_disk(offset_);
        if (listener_) listener_(offset_, data);
    }
    // A hole at the end is only there if the file is said to be so long.
    if (::ftruncate(file_.fd, static_cast<off_t>(offset_)) < 0) throw cannot_write(file_, errno);
    flow_.now([&] { done_ = true; });
}

std::uint64_t WriteTap::size()
{
    return flow_.when([&] { return done_; }, [&] { return offset_; });
}

} // namespace image_cache
