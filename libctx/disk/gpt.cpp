#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include <zlib.h>

#include <fmt/format.h>

#include <ctx/base/error.hpp>

#include "disk/little_endian.hpp"
#include "disk/partitions.hpp"

namespace ctx {

namespace {

// UEFI 2.10, 5.3. The header is 92 bytes; a larger one has what is not known here.
constexpr std::size_t header_least = 92;
constexpr std::size_t entry_least = 128;
constexpr std::uint64_t largest_entries = 1 << 20;

std::uint32_t crc(std::string_view bytes)
{
    return static_cast<std::uint32_t>(
        ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

// The first three fields are numbers, the last two bytes in order.
std::string guid(std::string_view b)
{
    std::string tail;
    for (const char c : b.substr(10, 6)) tail += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return fmt::format("{:08x}-{:04x}-{:04x}-{:02x}{:02x}-{}", u32_at(b, 0),
                       little_endian<std::uint16_t>(b, 4), little_endian<std::uint16_t>(b, 6),
                       static_cast<unsigned char>(b[8]), static_cast<unsigned char>(b[9]), tail);
}

// 36 UTF-16 units at most; what is no character is '?'.
std::string name(std::string_view bytes)
{
    std::string text;
    for (std::size_t i = 0; i + 2 <= bytes.size(); i += 2) {
        const unsigned unit = little_endian<std::uint16_t>(bytes, i);
        if (unit == 0) break;
        if (unit < 0x80) {
            text += static_cast<char>(unit);
        } else if (unit < 0x800) {
            text += static_cast<char>(0xc0U | (unit >> 6U));
            text += static_cast<char>(0x80U | (unit & 0x3fU));
        } else if (unit >= 0xd800 && unit < 0xe000) {
            text += '?';
        } else {
            text += static_cast<char>(0xe0U | (unit >> 12U));
            text += static_cast<char>(0x80U | ((unit >> 6U) & 0x3fU));
            text += static_cast<char>(0x80U | (unit & 0x3fU));
        }
    }
    return text;
}

class Reader {
public:
    Reader(const BlockReader& disk, std::uint64_t sector) : disk_(disk), sector_(sector) {}

    // Nothing if the header at this sector, or its entries, are not what their sums say; `why_` tells.
    std::optional<PartitionTable> read(std::uint64_t at)
    {
        if (at == 0 || at >= disk_.size() / sector_) return fault("it lies beyond the disk's end");
        std::string header = read_bytes(disk_, at * sector_, static_cast<std::size_t>(sector_));
        if (!header.starts_with("EFI PART")) return fault("it has no signature");
        const std::uint32_t size = u32_at(header, 12);
        if (size < header_least || size > sector_) return fault("its header has no possible size");
        const std::uint32_t sum = u32_at(header, 16);
        std::fill_n(header.begin() + 16, 4, '\0');
        if (crc(std::string_view(header).substr(0, size)) != sum) return fault("its header's sum is wrong");
        if (u64_at(header, 24) != at) return fault("its header is one of another place");
        return read_entries(header);
    }

    const std::string& why() const { return why_; }

private:
    std::nullopt_t fault(std::string why)
    {
        why_ = std::move(why);
        return std::nullopt;
    }

    std::optional<PartitionTable> read_entries(std::string_view header)
    {
        const std::uint64_t start = u64_at(header, 72);
        const std::uint64_t count = u32_at(header, 80);
        const std::uint64_t size = u32_at(header, 84);
        if (size < entry_least || size % 8 != 0 || count * size > largest_entries)
            return fault(fmt::format("{} entries of {} bytes are not possible", count, size));
        if (start >= disk_.size() / sector_ || disk_.size() - (start * sector_) < count * size)
            return fault("its entries lie beyond the disk's end");
        const std::string entries =
            read_bytes(disk_, start * sector_, static_cast<std::size_t>(count * size));
        if (crc(entries) != u32_at(header, 88)) return fault("its entries' sum is wrong");

        PartitionTable table{.kind = PartitionTable::Kind::gpt, .from_backup = false, .partitions = {}};
        for (std::uint64_t i = 0; i < count; ++i)
            add(table, static_cast<unsigned>(i + 1),
                std::string_view(entries).substr(static_cast<std::size_t>(i * size), entry_least));
        return table;
    }

    void add(PartitionTable& table, unsigned number, std::string_view entry) const
    {
        if (entry.substr(0, 16).find_first_not_of('\0') == std::string_view::npos) return;
        const std::uint64_t first = u64_at(entry, 32);
        const std::uint64_t last = u64_at(entry, 40);
        const std::uint64_t end = disk_.size() / sector_;
        if (first == 0 || last < first || first >= end) return; // Linux shows none either
        table.partitions.push_back(
            {.number = number,
             .range = {.offset = first * sector_, .size = (std::min(last, end - 1) - first + 1) * sector_},
             .type = guid(entry.substr(0, 16)),
             .uuid = guid(entry.substr(16, 16)),
             .label = name(entry.substr(56, 72))});
    }

    const BlockReader& disk_;
    std::uint64_t sector_;
    std::string why_;
};

} // namespace

PartitionTable read_gpt(const BlockReader& disk)
{
    std::string why;
    // An image does not say how large its sectors are: 4096 on some disks.
    for (const std::uint64_t sector : {std::uint64_t{512}, std::uint64_t{4096}}) {
        Reader reader(disk, sector);
        if (std::optional<PartitionTable> table = reader.read(1)) return std::move(*table);
        if (why.empty()) why = reader.why();
    }
    for (const std::uint64_t sector : {std::uint64_t{512}, std::uint64_t{4096}}) {
        if (std::optional<PartitionTable> table = Reader(disk, sector).read((disk.size() / sector) - 1)) {
            table->from_backup = true;
            return std::move(*table);
        }
    }
    throw Error(Blame::user, "the disk's partition table (GPT) is damaged, and so is its copy at the end")
        .because(why)
        .mend("get the image again; `sfdisk --verify IMAGE` may say more of a raw one");
}

} // namespace ctx
