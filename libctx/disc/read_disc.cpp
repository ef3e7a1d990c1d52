#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/text.hpp>
#include <ctx/disc_reader.hpp>

#include "disc/disc_contents.hpp"
#include "disc/disc_listing.hpp"
#include "disc/volume_descriptors.hpp"

namespace ctx {

namespace fs = std::filesystem;

namespace {

Fd open_disc(const fs::path& path)
{
    // O_NONBLOCK: a FIFO in the place of a file must not stop us.
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat info{};
    if (!fd || ::fstat(fd.get(), &info) < 0)
        throw system_error("the disc cannot be read", printable(path.string()), errno, Blame::user);
    if (!S_ISREG(info.st_mode) && !S_ISBLK(info.st_mode))
        throw bad_disc(path, "it is neither a file nor a drive");
    return fd;
}

} // namespace

struct DiscReader::State {
    fs::path path;
    Deadline deadline;
    DiscFormat format = DiscFormat::iso;
    VolumeDescriptors volume;
    std::string label;
    std::vector<DiscEntry> entries;
    std::optional<FileReader> file;
    std::unique_ptr<DiscContents> contents;

    State(fs::path disc, const Deadline& limit) : path(std::move(disc)), deadline(limit)
    {
        Fd fd = open_disc(path);
        volume = read_volume_descriptors(fd.get());
        file.emplace(std::move(fd), printable(path.string()));
        if (volume.iso9660) {
            contents = iso_contents(path);
            list(file->size());
        } else if (is_fat(*file)) {
            read_fat(*file);
        } else {
            throw bad_disc(path, "it is neither an ISO 9660 disc nor a vfat disk");
        }
    }

    State(fs::path name, const BlockReader& disk, const Deadline& limit)
        : path(std::move(name)), deadline(limit)
    {
        read_fat(disk);
    }

    void read_fat(const BlockReader& disk)
    {
        format = DiscFormat::vfat;
        contents = fat_contents(path, disk);
        list(disk.size());
    }

    void list(std::uint64_t size)
    {
        label = contents->label();
        DiscListing listing(path, size, deadline);
        contents->list(listing);
        entries = listing.take_sorted();
    }
};

DiscReader::DiscReader(const fs::path& path, const Deadline& deadline)
    : state_(std::make_unique<State>(path, deadline))
{
}
DiscReader::DiscReader(fs::path name, const BlockReader& disk, const Deadline& deadline)
    : state_(std::make_unique<State>(std::move(name), disk, deadline))
{
}
DiscReader::~DiscReader() = default;
DiscReader::DiscReader(DiscReader&&) noexcept = default;
DiscReader& DiscReader::operator=(DiscReader&&) noexcept = default;

DiscFormat DiscReader::format() const
{
    return state_->format;
}
const std::string& DiscReader::label() const
{
    return state_->label;
}
bool DiscReader::has_rock_ridge() const
{
    return state_->volume.rock_ridge;
}
bool DiscReader::has_joliet() const
{
    return state_->volume.joliet;
}
const std::vector<DiscEntry>& DiscReader::entries() const
{
    return state_->entries;
}

void DiscReader::read(const std::string& path, const std::function<void(std::string_view)>& take) const
{
    const auto entry = std::ranges::lower_bound(state_->entries, path, {}, &DiscEntry::path);
    if (entry == state_->entries.end() || entry->path != path || entry->kind != DiscEntry::Kind::file)
        throw Error(Blame::user, "there is no such file on the disc")
            .at(printable(path))
            .mend("'vmbatch iso show' lists them");
    state_->contents->read(path, entry->size, state_->deadline, take);
}

std::string DiscReader::content(const std::string& path, std::size_t limit) const
{
    std::string text;
    read(path, [&](std::string_view piece) {
        if (text.size() + piece.size() > limit)
            throw bad_disc(state_->path, fmt::format("'{}' is larger than {} bytes", printable(path), limit));
        text += piece;
    });
    return text;
}

} // namespace ctx
