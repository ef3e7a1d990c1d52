#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/text.hpp>
#include <ctx/block_device.hpp>
#include <ctx/check/read_machine.hpp>
#include <ctx/disc_reader.hpp>
#include <ctx/volumes.hpp>

#include "check/read/add_files.hpp"
#include "check/read/qcow2_reader.hpp"

namespace ctx::check {

namespace {

FileSystem kind_of(const std::optional<Content>& content)
{
    static const std::map<std::string, FileSystem> kinds = {
        {"iso9660", FileSystem::iso9660}, {"vfat", FileSystem::vfat}, {"udf", FileSystem::udf},
        {"ext2", FileSystem::ext2},       {"ext3", FileSystem::ext3}, {"ext4", FileSystem::ext4},
        {"swap", FileSystem::swap},
    };
    if (!content) return FileSystem::none;
    const auto known = kinds.find(content->type);
    return known == kinds.end() ? FileSystem::other : known->second;
}

// All zeros. Of a raw image holes are passed over; a disk with something on it shows it at once.
bool is_blank(const BlockReader& disk, const Fd* raw_file, const Deadline& deadline)
{
    std::vector<char> block(1 << 20);
    for (std::uint64_t at = 0; at < disk.size();) {
        if (raw_file != nullptr) {
            const off_t data = ::lseek(raw_file->get(), static_cast<off_t>(at), SEEK_DATA);
            if (data < 0) return errno == ENXIO;
            at = static_cast<std::uint64_t>(data);
        }
        if (deadline.passed())
            throw Error(Blame::user, "looking for data on the disk takes too long").as_timeout();
        const std::span<char> piece(block.data(), std::min<std::uint64_t>(block.size(), disk.size() - at));
        disk.read(at, piece);
        if (std::ranges::any_of(piece, [](char c) { return c != '\0'; })) return false;
        at += piece.size();
    }
    return true;
}

// ext2 to 4: whether the superblock counts no more inodes than lost+found has.
std::optional<bool> is_empty_ext(const BlockReader& part)
{
    const std::string super = read_bytes(part, 1024, 1024);
    const auto number = [&](std::size_t at) {
        std::uint32_t value = 0;
        for (std::size_t i = 4; i-- > 0;) value = value << 8U | static_cast<unsigned char>(super[at + i]);
        return value;
    };
    const std::uint32_t used = number(0) - number(16);
    constexpr std::uint32_t reserved_and_lost_found = 11;
    return used <= reserved_and_lost_found;
}

Partition partition_of(const BlockReader& disk, const ctx::Partition& entry,
                       const std::optional<Content>& content)
{
    Partition made{.number = entry.number,
                   .filesystem = kind_of(content),
                   .label = content ? content->label : "",
                   .empty = {}};
    if (made.filesystem == FileSystem::ext3) made.empty = is_empty_ext(WindowReader(disk, entry.range));
    return made;
}

std::optional<Content> content_of(const DiskLayout& layout, const ByteRange& range)
{
    const auto found = std::ranges::find_if(layout.volumes, [&](const Volume& volume) {
        return volume.kind != Volume::Kind::logical && volume.range == range;
    });
    return found == layout.volumes.end() ? std::nullopt : found->content;
}

Medium vfat_medium(const BlockReader& part, const Disk& disk, std::string device, const std::string& label,
                   const Deadline& deadline)
{
    Medium medium{.place = disk.place, .device = std::move(device), .label = label, .files = {}};
    add_files(medium, DiscReader(disk.place, part, deadline));
    return medium;
}

void add_partitions(Machine& machine, Disk& disk, const BlockReader& reader, const PartitionTable& table,
                    const DiskLayout& layout, const Deadline& deadline)
{
    for (const ctx::Partition& entry : table.partitions) {
        disk.partitions.push_back(partition_of(reader, entry, content_of(layout, entry.range)));
        const Partition& made = disk.partitions.back();
        if (made.filesystem == FileSystem::vfat)
            machine.media.push_back(vfat_medium(WindowReader(reader, entry.range), disk,
                                                disk.device + std::to_string(made.number), made.label,
                                                deadline));
    }
}

} // namespace

void add_disk(Machine& machine, const std::filesystem::path& image, std::string device, bool writable,
              const Deadline& deadline)
{
    Fd file(::open(image.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat info{};
    if (!file || ::fstat(file.get(), &info) < 0)
        throw system_error("the disk cannot be read", printable(image.string()), errno, Blame::user);
    const Fd same(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0));
    const FileReader raw(std::move(file), image.string());
    std::optional<Qcow2Reader> qcow2;
    if (is_qcow2(raw)) qcow2.emplace(raw);
    const BlockReader& reader = qcow2 ? static_cast<const BlockReader&>(*qcow2) : raw;

    const DiskLayout layout = read_layout(reader);
    Disk disk{.place = image.string(),
              .device = std::move(device),
              .writable = writable,
              .has_table = layout.partitions.has_value(),
              .partitions = {},
              .label = "",
              .size = layout.size};
    if (layout.partitions) {
        add_partitions(machine, disk, reader, *layout.partitions, layout, deadline);
    } else {
        const std::optional<Content> content = content_of(layout, {.offset = 0, .size = layout.size});
        disk.filesystem = kind_of(content);
        disk.label = content ? content->label : "";
        if (disk.filesystem == FileSystem::vfat)
            machine.media.push_back(vfat_medium(reader, disk, disk.device, disk.label, deadline));
        else if (disk.filesystem == FileSystem::iso9660 && !qcow2)
            machine.media.push_back(read_medium(image, disk.device, deadline));
        else if (!content)
            disk.blank = qcow2 ? qcow2->has_no_clusters() || is_blank(reader, nullptr, deadline)
                               : is_blank(reader, &same, deadline);
    }
    machine.disks.push_back(std::move(disk));
}

} // namespace ctx::check
