#include <algorithm>
#include <array>
#include <set>
#include <string>

#include <fmt/format.h>

#include <ctx/base/error.hpp>

#include "disk/little_endian.hpp"
#include "disk/partitions.hpp"

namespace ctx {

namespace {

using std::operator""sv;

constexpr std::size_t entries_at = 446;
constexpr std::size_t entry_size = 16;
constexpr std::uint8_t type_protective = 0xee;

struct Entry {
    std::uint8_t flag = 0;
    std::uint8_t type = 0;
    std::uint64_t start = 0; // bytes, from where its table says
    std::uint64_t size = 0;

    bool used() const { return type != 0 && size != 0; }
    bool extended() const { return type == 0x05 || type == 0x0f || type == 0x85; }
};

Entry entry_of(std::string_view sector, std::size_t index)
{
    const std::string_view bytes = sector.substr(entries_at + (index * entry_size), entry_size);
    return {.flag = static_cast<std::uint8_t>(bytes[0]),
            .type = static_cast<std::uint8_t>(bytes[4]),
            .start = u32_at(bytes, 8) * mbr_sector,
            .size = u32_at(bytes, 12) * mbr_sector};
}

bool has_signature(std::string_view sector)
{
    return sector.substr(510, 2) == "\x55\xaa"sv;
}

class Reader {
public:
    Reader(const BlockReader& disk, std::string_view first) : disk_(disk), disk_id_(u32_at(first, 440)) {}

    PartitionTable read(std::string_view first)
    {
        for (unsigned i = 0; i < 4; ++i) {
            const Entry entry = entry_of(first, i);
            if (!entry.used()) continue;
            if (entry.extended())
                extended_.push_back(entry);
            else
                add(i + 1, entry.start, entry);
        }
        for (const Entry& entry : extended_) follow(entry);
        return std::move(table_);
    }

private:
    void add(unsigned number, std::uint64_t start, const Entry& entry)
    {
        if (start >= disk_.size()) return; // Linux shows none either
        table_.partitions.push_back(
            {.number = number,
             .range = {.offset = start, .size = std::min(entry.size, disk_.size() - start)},
             .type = fmt::format("{:02x}", entry.type),
             .uuid = fmt::format("{:08x}-{:02x}", disk_id_, number),
             .label = {}});
    }

    // Each link of the chain is a sector with a table: a partition, relative to that sector, and the next
    // link, relative to the whole extended partition.
    void follow(const Entry& whole)
    {
        std::uint64_t at = whole.start;
        for (;;) {
            if (!seen_.insert(at).second) damaged("its logical partitions lead round in a circle");
            constexpr std::size_t most = 256;
            if (seen_.size() > most) damaged(fmt::format("it has more than {} logical partitions", most));
            if (at > disk_.size() || disk_.size() - at < mbr_sector) return;
            const std::string sector = read_bytes(disk_, at, mbr_sector);
            if (!has_signature(sector)) return;
            std::optional<std::uint64_t> next;
            for (unsigned i = 0; i < 4; ++i) {
                const Entry entry = entry_of(sector, i);
                if (!entry.used()) continue;
                if (!entry.extended())
                    add(next_number_++, at + entry.start, entry);
                else if (!next)
                    next = whole.start + entry.start;
            }
            if (!next) return;
            at = *next;
        }
    }

    [[noreturn]] static void damaged(std::string why)
    {
        throw Error(Blame::user, "the disk's partition table (MBR) is damaged")
            .because(std::move(why))
            .mend("get the image again; `sfdisk --verify IMAGE` may say more of a raw one");
    }

    const BlockReader& disk_;
    std::uint32_t disk_id_;
    std::vector<Entry> extended_;
    std::set<std::uint64_t> seen_;
    unsigned next_number_ = 5;
    PartitionTable table_;
};

// FAT and NTFS begin with a boot sector that ends as an MBR does.
bool is_boot_sector(std::string_view first)
{
    return first.substr(54, 3) == "FAT" || first.substr(82, 5) == "FAT32" || first.substr(3, 4) == "NTFS" ||
           first.substr(3, 8) == "-FVE-FS-";
}

} // namespace

bool is_mbr(std::string_view first)
{
    if (!has_signature(first) || is_boot_sector(first)) return false;
    bool any = false;
    for (std::size_t i = 0; i < 4; ++i) {
        const Entry entry = entry_of(first, i);
        if (entry.flag != 0 && entry.flag != 0x80) return false;
        if (entry.used() && entry.start == 0) return false;
        any = any || entry.used();
    }
    return any;
}

bool is_protective(std::string_view first)
{
    if (!has_signature(first)) return false;
    for (std::size_t i = 0; i < 4; ++i) {
        if (entry_of(first, i).type == type_protective) return true;
    }
    return false;
}

PartitionTable read_mbr(const BlockReader& disk, std::string_view first)
{
    return Reader(disk, first).read(first);
}

std::optional<PartitionTable> read_partitions(const BlockReader& disk)
{
    if (disk.size() < mbr_sector) return std::nullopt;
    const std::string first = read_bytes(disk, 0, mbr_sector);
    if (is_protective(first)) return read_gpt(disk);
    if (!is_mbr(first)) return std::nullopt;
    return read_mbr(disk, first);
}

} // namespace ctx
