#include "unpacked_disk.hpp"

#include <fmt/format.h>

#include <ctx/base/text.hpp>

#include "../lock.hpp"

namespace image_cache {

using ctx::Blame;
using ctx::Error;

namespace {

// Below this no ratio is a bomb.
constexpr std::uint64_t harmless = 256 << 20;

} // namespace

struct UnpackedDisk::Taps {
    HashTap hash;
    WriteTap write;
};

void UnpackedDisk::FreeTaps::operator()(Taps* taps) const
{
    std::default_delete<Taps>()(taps);
}

UnpackedDisk::UnpackedDisk(const Layout& layout, Flow& flow, const PullLimits& limits,
                           const std::atomic<std::uint64_t>& packed)
    : limits_(limits), packed_(packed), folder_(layout.images().string())
{
    {
        const CacheLock lock(layout);
        file_ = std::make_unique<Temporary>(layout, lock);
    }
    taps_.reset(new Taps{.hash = {flow, HashKind::sha256},
                         .write = {flow,
                                   {.fd = file_->fd(), .name = folder_},
                                   0,
                                   [this](std::uint64_t size, std::uint64_t data) { check(size, data); }}});
}

void UnpackedDisk::put(Chunk chunk)
{
    taps_->hash.put(chunk);
    taps_->write.put(std::move(chunk));
}

void UnpackedDisk::end()
{
    taps_->hash.end();
    taps_->write.end();
}

void UnpackedDisk::announce(std::uint64_t size)
{
    if (size > limits_.image) check(size, 0);
    require_room({.fd = file_->fd(), .name = folder_}, size, "the image, unpacked,");
}

void UnpackedDisk::wait()
{
    digest_ = taps_->hash.digest();
    size_ = taps_->write.size();
}

void UnpackedDisk::check(std::uint64_t size, std::uint64_t data) const
{
    if (size > limits_.image)
        throw Error(Blame::remote, "the image is larger than images may be")
            .because(fmt::format("unpacked it has more than {}", ctx::format_size(limits_.image)))
            .mend("raise images.max_size if it is right");
    if (data > harmless && data / limits_.ratio > packed_)
        throw Error(Blame::remote, "the image unpacks to far too much: it may be a bomb")
            .because(fmt::format("{} bytes of data out of {}, more than {} times as much", data,
                                 packed_.load(), limits_.ratio))
            .mend("raise images.max_ratio if it is right");
}

void require_room(const NamedFd& file, std::uint64_t bytes, std::string_view what)
{
    const std::uint64_t room = free_space(file);
    if (bytes <= room) return;
    throw Error(Blame::node, "there is not enough room in the image cache")
        .at(file.name)
        .because(fmt::format("{} takes {} bytes, and {} are free", what, bytes, room))
        .mend("make room: `vmbatch image prune --dry-run` shows what nobody needs");
}

} // namespace image_cache
