#include "disc/fat_volume.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include <ctx/base/error.hpp>

#include "disc/disc_contents.hpp"
#include "disc/disc_listing.hpp"

namespace ctx {

using namespace fat;

namespace {

bool is_power_of_two(std::uint32_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

// As Linux looks at it: a boot loader's signature need not be there.
bool is_boot_sector(std::string_view sector)
{
    const std::uint32_t bytes = get(sector, 11, 2);
    const std::uint32_t media = get(sector, 21, 1);
    return is_power_of_two(bytes) && bytes >= 512 && bytes <= 4096 && is_power_of_two(get(sector, 13, 1)) &&
           get(sector, 14, 2) != 0 && get(sector, 16, 1) != 0 && (media >= 0xf8 || media == 0xf0);
}

std::string first_sector(const BlockReader& disk)
{
    return disk.size() < sector_size ? "" : read_bytes(disk, 0, sector_size);
}

} // namespace

bool is_fat(const BlockReader& disk)
{
    const std::string sector = first_sector(disk);
    return !sector.empty() && is_boot_sector(sector);
}

namespace fat {

Volume::Volume(std::filesystem::path path, const BlockReader& disk) : path_(std::move(path)), disk_(disk)
{
    read_boot_sector();
}

void Volume::read_boot_sector()
{
    const std::string sector = first_sector(disk_);
    if (sector.empty() || !is_boot_sector(sector)) throw bad_disc(path_, "it is no vfat disk");
    const std::uint64_t bytes = get(sector, 11, 2);
    const std::uint64_t root_entries = get(sector, 17, 2);
    const std::uint32_t small_table = get(sector, 22, 2);
    const std::uint64_t table_sectors = small_table != 0 ? small_table : get(sector, 36, 4);
    const std::uint32_t small_total = get(sector, 19, 2);
    const std::uint64_t total = small_total != 0 ? small_total : get(sector, 32, 4);
    cluster_size_ = bytes * get(sector, 13, 1);
    table_ = bytes * get(sector, 14, 2);
    root_ = table_ + bytes * table_sectors * get(sector, 16, 1);
    root_size_ = root_entries * entry_size;
    data_ = root_ + (root_size_ + bytes - 1) / bytes * bytes;
    if (data_ >= total * bytes) throw bad_disc(path_, "it has no room for files");
    clusters_ = (total * bytes - data_) / cluster_size_;

    // Linux' way: by the place of the table's size first.
    const bool is_fat32 = small_table == 0;
    bits_ = clusters_ < least_clusters_fat16 ? 12 : 16;
    if (is_fat32) {
        bits_ = 32;
        root_cluster_ = get(sector, 44, 4);
    }
    // A table that is shorter than the volume: what lies beyond is nobody's.
    const std::uint64_t in_table = bytes * table_sectors * 8 / bits_;
    clusters_ = std::min(clusters_, in_table < 2 ? 0 : in_table - 2);
    const std::size_t label_at = is_fat32 ? 71 : 43;
    if (get(sector, label_at - 5, 1) == 0x29) boot_label_ = sector.substr(label_at, short_name_size);
}

void Volume::read_at(std::uint64_t offset, char* buffer, std::size_t size) const
{
    if (offset > disk_.size() || size > disk_.size() - offset) throw bad_disc(path_, "it is cut off");
    disk_.read(offset, std::span(buffer, size));
}

std::string Volume::fixed_root() const
{
    std::string bytes(static_cast<std::size_t>(root_size_), '\0');
    read_at(root_, bytes.data(), bytes.size());
    return bytes;
}

bool Volume::is_data(std::uint32_t cluster) const
{
    return cluster >= 2 && cluster - 2 < clusters_;
}

std::uint32_t Volume::next(std::uint32_t cluster) const
{
    std::string entry(4, '\0');
    const std::size_t width = bits_ == 32 ? 4 : 2;
    const std::uint64_t at =
        bits_ == 12 ? std::uint64_t{cluster} + cluster / 2 : std::uint64_t{cluster} * width;
    read_at(table_ + at, entry.data(), width);
    const std::uint32_t value = get(entry, 0, width);
    if (bits_ == 12) return cluster % 2 == 0 ? value & 0xfffU : value >> 4U;
    return bits_ == 32 ? value & 0x0fffffffU : value;
}

void Volume::follow(std::uint32_t cluster, const std::function<bool(std::string_view)>& take) const
{
    std::string bytes(static_cast<std::size_t>(cluster_size_), '\0');
    for (; is_data(cluster); cluster = next(cluster)) {
        // A last cluster that lies across the disk's end counts as far as it goes.
        const std::uint64_t at = data_ + (cluster - 2) * cluster_size_;
        const std::uint64_t there = at < disk_.size() ? std::min(cluster_size_, disk_.size() - at) : 0;
        if (there == 0) throw bad_disc(path_, "it is cut off");
        read_at(at, bytes.data(), static_cast<std::size_t>(there));
        if (!take(std::string_view(bytes).substr(0, static_cast<std::size_t>(there)))) return;
    }
}

} // namespace fat

} // namespace ctx
