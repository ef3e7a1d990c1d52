#include "check/read/qcow2_reader.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include <ctx/base/error.hpp>

namespace ctx::check {

namespace {

constexpr std::uint64_t offset_mask = 0x00fffffffffffe00;
constexpr std::uint64_t compressed = 1ULL << 62U;
constexpr std::uint64_t reads_as_zeros = 1; // version 3
constexpr std::size_t entry_size = 8;

Error not_read(std::string why)
{
    return Error(Blame::user, "the qcow2 cannot be read")
        .because(std::move(why))
        .mend("qemu-img convert -O raw makes a raw image of it");
}

std::uint64_t big_endian(std::string_view bytes, std::size_t at, std::size_t count)
{
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < count; ++i) value = value << 8U | static_cast<unsigned char>(bytes[at + i]);
    return value;
}

} // namespace

bool is_qcow2(const BlockReader& file)
{
    constexpr std::string_view magic("QFI\xfb");
    return file.size() >= magic.size() && read_bytes(file, 0, magic.size()) == magic;
}

Qcow2Reader::Qcow2Reader(const BlockReader& file) : file_(file)
{
    constexpr std::size_t version2_header = 72;
    constexpr std::size_t version3_header = 104;
    if (file.size() < version2_header) throw not_read("it ends within its header");
    std::string header = read_bytes(file, 0, version2_header);
    const std::uint64_t version = big_endian(header, 4, 4);
    if (version != 2 && version != 3) throw not_read("it is of a version that is not known");
    if (version == 3) {
        if (file.size() < version3_header) throw not_read("it ends within its header");
        header = read_bytes(file, 0, version3_header);
        constexpr std::uint64_t dirty_or_corrupt_or_zstd = 1U | 2U | 8U;
        if ((big_endian(header, 72, 8) & ~dirty_or_corrupt_or_zstd) != 0)
            throw not_read("it has a data file, subclusters or another feature that is not known");
    }
    if (big_endian(header, 8, 8) != 0) throw not_read("it has a backing file");
    if (big_endian(header, 32, 4) != 0) throw not_read("it is encrypted");
    cluster_bits_ = static_cast<unsigned>(big_endian(header, 20, 4));
    if (cluster_bits_ < 9 || cluster_bits_ > 21) throw not_read("its clusters have no size that can be");
    size_ = big_endian(header, 24, 8);
    const std::uint64_t entries = big_endian(header, 36, 4);
    constexpr std::uint64_t most_entries = 4 << 20; // QEMU's own: 32 MiB
    const std::uint64_t bytes_an_entry = 1ULL << (2 * cluster_bits_ - 3);
    if (entries > most_entries || size_ > entries * bytes_an_entry)
        throw not_read("its table does not fit its size");
    const std::string table = read_bytes(file, big_endian(header, 40, 8), entries * entry_size);
    level1_.reserve(entries);
    for (std::size_t i = 0; i < entries; ++i)
        level1_.push_back(big_endian(table, i * entry_size, entry_size) & offset_mask);
}

bool Qcow2Reader::has_no_clusters() const
{
    return std::ranges::all_of(level1_, [](std::uint64_t table) { return table == 0; });
}

std::uint64_t Qcow2Reader::place_of(std::uint64_t cluster) const
{
    const unsigned bits = cluster_bits_ - 3;
    const std::uint64_t table = level1_.at(cluster >> bits);
    if (table == 0) return 0;
    if (table != cached_place_) {
        cached_ = read_bytes(file_, table, 1ULL << cluster_bits_);
        cached_place_ = table;
    }
    const std::uint64_t entry =
        big_endian(cached_, (cluster & ((1ULL << bits) - 1)) * entry_size, entry_size);
    if ((entry & compressed) != 0) throw not_read("a cluster is compressed");
    return (entry & reads_as_zeros) != 0 ? 0 : entry & offset_mask;
}

void Qcow2Reader::read(std::uint64_t offset, std::span<char> into) const
{
    require_within({.offset = offset, .size = into.size()}, size_);
    const std::uint64_t cluster_size = 1ULL << cluster_bits_;
    while (!into.empty()) {
        const std::uint64_t within = offset & (cluster_size - 1);
        const auto count =
            static_cast<std::size_t>(std::min<std::uint64_t>(cluster_size - within, into.size()));
        const std::uint64_t place = place_of(offset >> cluster_bits_);
        if (place == 0)
            std::ranges::fill(into.first(count), '\0');
        else
            file_.read(place + within, into.first(count));
        into = into.subspan(count);
        offset += count;
    }
}

} // namespace ctx::check
