#include <algorithm>
#include <array>
#include <bit>
#include <string>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <image-cache/inspect.hpp>

namespace image_cache {

namespace {

using ctx::Blame;
using ctx::Error;
using std::operator""sv;

constexpr auto magic = "QFI\xfb"sv;
constexpr std::uint64_t largest_virtual_size = std::uint64_t{64} << 40;
constexpr std::uint64_t largest_l1_table = std::uint64_t{32} << 20; // QEMU's own limits
constexpr std::uint64_t largest_refcount_table = std::uint64_t{8} << 20;
constexpr std::uint32_t most_snapshots = 65536;

constexpr std::uint64_t bit_dirty = 1U << 0;
constexpr std::uint64_t bit_corrupt = 1U << 1;
constexpr std::uint64_t bit_data_file = 1U << 2;
constexpr std::uint64_t bit_compression = 1U << 3;
constexpr std::uint64_t bit_extended_l2 = 1U << 4;
constexpr std::uint64_t known_bits =
    bit_dirty | bit_corrupt | bit_data_file | bit_compression | bit_extended_l2;

constexpr std::uint32_t extension_end = 0;
constexpr std::uint32_t extension_data_file = 0x44415441;
constexpr std::uint32_t extension_encryption = 0x0537be77;

[[noreturn]] void refuse(std::string why, std::string remedy)
{
    throw Error(Blame::user, "this qcow2 image is refused").because(std::move(why)).mend(std::move(remedy));
}

[[noreturn]] void refuse_damaged(std::string why)
{
    refuse(std::move(why), "get the image again; `qemu-img check IMAGE` may say more");
}

constexpr auto flatten = "make it one file of its own: qemu-img convert -f qcow2 -O qcow2 IMAGE NEW";

// Big-endian numbers at a place in the header; beyond its end is damage, never a read.
class Bytes {
public:
    explicit Bytes(std::string_view data) : data_(data) {}

    template <class Number>
    Number at(std::size_t offset) const
    {
        if (offset > data_.size() || data_.size() - offset < sizeof(Number))
            refuse_damaged(fmt::format("it ends within its header, at byte {}", data_.size()));
        Number value = 0;
        for (const char c : data_.substr(offset, sizeof(Number)))
            value = static_cast<Number>((value << 8U) | static_cast<unsigned char>(c));
        return value;
    }
    std::uint32_t u32(std::size_t offset) const { return at<std::uint32_t>(offset); }
    std::uint64_t u64(std::size_t offset) const { return at<std::uint64_t>(offset); }

private:
    std::string_view data_;
};

void check_features(std::uint64_t bits)
{
    if ((bits & bit_data_file) != 0) refuse("it keeps its data in another file", flatten);
    if ((bits & ~known_bits) != 0)
        refuse(fmt::format("it needs a feature unknown here (incompatible bit {})",
                           std::countr_zero(bits & ~known_bits)),
               "make it with a format every QEMU knows: qemu-img convert -f qcow2 -O qcow2 -o compat=1.1 "
               "IMAGE NEW");
    if ((bits & bit_corrupt) != 0)
        refuse("it is marked as corrupt", "repair it first: qemu-img check -r all IMAGE");
    if ((bits & bit_dirty) != 0)
        refuse("it was not closed properly, or a machine still uses it",
               "shut the machine down, then: qemu-img check -r all IMAGE");
}

struct Table {
    std::string_view name;
    std::uint64_t offset;
    std::uint64_t size;
};

void check_table(const Table& table, std::uint32_t cluster_size, std::uint64_t file_size)
{
    if (table.offset % cluster_size != 0)
        refuse_damaged(fmt::format("its {} does not begin at a cluster", table.name));
    if (table.offset > file_size || file_size - table.offset < table.size)
        refuse_damaged(fmt::format("its {} lies beyond the end of the file ({} + {} > {} bytes)", table.name,
                                   table.offset, table.size, file_size));
}

void check_extensions(const Bytes& bytes, std::uint64_t offset, std::uint64_t end)
{
    while (offset < end) {
        if (end - offset < 8) refuse_damaged("its header extensions run over the first cluster");
        const std::uint32_t type = bytes.u32(offset);
        const std::uint64_t length = bytes.u32(offset + 4);
        offset += 8;
        if (type == extension_end) return;
        if (length > end - offset)
            refuse_damaged(fmt::format("header extension {:#010x} runs over the first cluster", type));
        if (type == extension_data_file) refuse("it names a data file of its own", flatten);
        if (type == extension_encryption)
            refuse("it is encrypted", "decrypt it first: qemu-img convert with --object secret");
        offset += (length + 7) & ~std::uint64_t{7};
    }
}

std::uint64_t entries_needed(const Qcow2Facts& facts)
{
    const std::uint64_t entries_per_l2 = facts.cluster_size / (facts.extended_l2 ? 16U : 8U);
    const std::uint64_t reach = facts.cluster_size * entries_per_l2;
    return (facts.virtual_size + reach - 1) / reach;
}

void check_compression(const Bytes& bytes, std::uint64_t bits, std::uint32_t header_length, Qcow2Facts& facts)
{
    const auto type = header_length > 104 ? bytes.at<std::uint8_t>(104) : std::uint8_t{0};
    if (((bits & bit_compression) != 0) != (type != 0))
        refuse_damaged("its compression type and the feature bit for it contradict each other");
    if (type > 1)
        refuse(fmt::format("its compression (type {}) is unknown here", type),
               "use zlib or zstd: qemu-img convert -f qcow2 -O qcow2 -c IMAGE NEW");
    facts.zstd = type == 1;
}

} // namespace

bool is_qcow2(std::string_view head)
{
    return head.starts_with(magic);
}

Qcow2Facts inspect_qcow2(std::string_view head, std::uint64_t file_size)
{
    if (!is_qcow2(head)) refuse("it does not begin as a qcow2 does", "name its format: --format raw");
    const Bytes bytes(head);
    Qcow2Facts facts;
    facts.version = bytes.u32(4);
    if (facts.version != 2 && facts.version != 3)
        refuse(fmt::format("its version is {}; 2 and 3 are known", facts.version),
               "convert it: qemu-img convert -O qcow2 IMAGE NEW");
    // Whatever length is given: a name of length 0 is nothing QEMU would write.
    if (bytes.u64(8) != 0 || bytes.u32(16) != 0) refuse("it stands on a backing file", flatten);

    const std::uint32_t cluster_bits = bytes.u32(20);
    if (cluster_bits < 9 || cluster_bits > 21)
        refuse_damaged(fmt::format("its cluster size is 2^{}; 2^9 to 2^21 exist", cluster_bits));
    facts.cluster_size = 1U << cluster_bits;
    facts.virtual_size = bytes.u64(24);
    if (facts.virtual_size == 0) refuse_damaged("its disk has no size");
    if (facts.virtual_size > largest_virtual_size)
        refuse(fmt::format("its disk claims {} bytes; {} (64T) is the most accepted", facts.virtual_size,
                           largest_virtual_size),
               "make it smaller: qemu-img resize --shrink IMAGE SIZE");
    if (bytes.u32(32) != 0)
        refuse("it is encrypted", "decrypt it first: qemu-img convert with --object secret");

    const std::uint64_t bits = facts.version >= 3 ? bytes.u64(72) : 0;
    check_features(bits);
    facts.extended_l2 = (bits & bit_extended_l2) != 0;
    if (facts.extended_l2 && cluster_bits < 14)
        refuse_damaged("its clusters are too small for extended L2 entries");
    std::uint32_t header_length = 72;
    if (facts.version >= 3) {
        if (bytes.u32(96) > 6) refuse_damaged("its reference counts are wider than 64 bits");
        header_length = bytes.u32(100);
        if (header_length < 104 || header_length > facts.cluster_size || header_length % 8 != 0)
            refuse_damaged(fmt::format("its header's length is {}", header_length));
        check_compression(bytes, bits, header_length, facts);
    }

    const Table l1{"L1 table", bytes.u64(40), bytes.u32(36) * std::uint64_t{8}};
    if (l1.size > largest_l1_table) refuse_damaged("its L1 table is larger than any QEMU makes");
    if (l1.size / 8 < entries_needed(facts)) refuse_damaged("its L1 table is too small for its disk");
    check_table(l1, facts.cluster_size, file_size);
    const Table refcounts{"refcount table", bytes.u64(48), bytes.u32(56) * std::uint64_t{facts.cluster_size}};
    if (refcounts.size > largest_refcount_table)
        refuse_damaged("its refcount table is larger than any QEMU makes");
    check_table(refcounts, facts.cluster_size, file_size);
    if (bytes.u32(60) > most_snapshots) refuse_damaged("it claims more snapshots than any QEMU makes");
    // An entry has at least 40 bytes; what they say is of no concern to who reads the current disk.
    const Table snapshots{"snapshot table", bytes.u64(64), bytes.u32(60) * std::uint64_t{40}};
    check_table(snapshots, facts.cluster_size, file_size);

    check_extensions(bytes, header_length, facts.cluster_size);
    return facts;
}

std::optional<std::string_view> foreign_content(std::string_view head)
{
    struct Kind {
        std::size_t offset;
        std::string_view mark;
        std::string_view name;
    };
    static constexpr std::array<Kind, 13> kinds = {{{0, "\x1f\x8b"sv, "a gzip file"},
                                                    {0, "BZh"sv, "a bzip2 file"},
                                                    {0,
                                                     "\xfd"
                                                     "7zXZ\0"sv,
                                                     "an xz file"},
                                                    {0, "\x28\xb5\x2f\xfd"sv, "a zstd file"},
                                                    {0, "PK\x03\x04"sv, "a zip archive"},
                                                    {257, "ustar"sv, "a tar archive"},
                                                    {0, "KDMV"sv, "a VMDK disk"},
                                                    {0, "# Disk DescriptorFile"sv, "a VMDK descriptor"},
                                                    {0, "vhdxfile"sv, "a VHDX disk"},
                                                    {0, "conectix"sv, "a VHD disk"},
                                                    {64, "\x7f\x10\xda\xbe"sv, "a VDI disk"},
                                                    {0, "<!DOCTYPE"sv, "an HTML page"},
                                                    {0, "<html"sv, "an HTML page"}}};
    const auto* const found = std::ranges::find_if(kinds, [&](const Kind& kind) {
        return head.size() >= kind.offset && head.substr(kind.offset).starts_with(kind.mark);
    });
    if (found == kinds.end()) return std::nullopt;
    return found->name;
}

} // namespace image_cache
