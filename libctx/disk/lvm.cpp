// A physical volume as LVM2 lays it out (lvm2: lib/format_text/layout.h): a label in one of the first four
// sectors, behind it the list of its areas; a metadata area is a ring behind a header of one sector, in which
// each change wrote the whole text anew.
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include <zlib.h>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>
#include <ctx/volumes.hpp>

#include "disk/little_endian.hpp"
#include "disk/lvm_text.hpp"

namespace ctx {

namespace {

constexpr std::uint64_t sector = 512;
constexpr std::uint64_t largest_text = 16 << 20;
constexpr std::size_t most_volumes = 4096;

[[noreturn]] void damaged(std::string why)
{
    throw Error(Blame::user, "the LVM physical volume is damaged")
        .because(std::move(why))
        .mend("get the image again; `pvck` on a machine with LVM may say more");
}

// CRC-32 without the usual inversions, from a start of LVM's own.
std::uint32_t lvm_sum(std::string_view bytes)
{
    constexpr std::uint32_t start = 0xf597a6cf;
    return ~static_cast<std::uint32_t>(
        ::crc32_z(~start, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

// "EA4Jsr-v8E2-…" and "EA4Jsrv8E2…" are one.
std::string without_dashes(std::string text)
{
    std::erase(text, '-');
    return text;
}

std::string find_label(const BlockReader& part)
{
    for (std::uint64_t at = 0; at < 4 * sector; at += sector) {
        if (part.size() < at + sector) break;
        std::string bytes = read_bytes(part, at, sector);
        if (!bytes.starts_with("LABELONE") || bytes.substr(24, 8) != "LVM2 001") continue;
        if (u64_at(bytes, 8) != at / sector) continue;
        if (lvm_sum(std::string_view(bytes).substr(20)) != u32_at(bytes, 16))
            damaged("its label's sum is wrong");
        return bytes;
    }
    damaged("it has no label");
}

struct Header {
    std::string uuid; // without dashes
    std::vector<ByteRange> metadata;
};

Header read_header(std::string_view label)
{
    std::size_t at = u32_at(label, 20);
    constexpr std::size_t fixed = 40; // uuid, size of the device
    if (at < 32 || at > label.size() - fixed) damaged("its label leads nowhere");
    Header header{.uuid = std::string(label.substr(at, 32)), .metadata = {}};
    at += fixed;
    // Two lists, of data and of metadata areas, each up to an offset of 0.
    for (int list = 0; list < 2; ++list) {
        for (;; at += 16) {
            if (at + 16 > label.size()) damaged("its list of areas has no end");
            const ByteRange area{.offset = u64_at(label, at), .size = u64_at(label, at + 8)};
            if (area.offset == 0) break;
            if (list == 1) header.metadata.push_back(area);
        }
        at += 16;
    }
    return header;
}

// The newest text of an area; nothing if there is none in it.
std::optional<std::string> read_text(const BlockReader& part, const ByteRange& area)
{
    require_within(area, part.size());
    if (area.size < 2 * sector) damaged("a metadata area is too small");
    const std::string head = read_bytes(part, area.offset, sector);
    if (std::string_view(head).substr(4, 16) != " LVM2 x[5A%r0N*>") damaged("a metadata area has no header");
    if (lvm_sum(std::string_view(head).substr(4)) != u32_at(head, 0))
        damaged("a metadata area's sum is wrong");
    constexpr std::size_t first_location = 40;
    const std::uint64_t offset = u64_at(head, first_location);
    const std::uint64_t size = u64_at(head, first_location + 8);
    const std::uint32_t sum = u32_at(head, first_location + 16);
    const bool ignored = (u32_at(head, first_location + 20) & 1U) != 0;
    if (offset == 0 || size == 0 || ignored) return std::nullopt;
    if (offset < sector || offset >= area.size || size > area.size - sector || size > largest_text)
        damaged("its text lies outside of its metadata area");

    const std::uint64_t before_end = std::min(size, area.size - offset);
    std::string text = read_bytes(part, area.offset + offset, static_cast<std::size_t>(before_end));
    text += read_bytes(part, area.offset + sector, static_cast<std::size_t>(size - before_end));
    if (lvm_sum(text) != sum) damaged("the sum of its text is wrong");
    return text;
}

// What is known of the physical volume that we read.
struct Extents {
    std::string name; // in the text: "pv0"
    std::uint64_t start = 0;
    std::uint64_t size = 0;
    std::uint64_t count = 0;
};

std::uint64_t whole_number(const LvmSection& section, std::string_view key)
{
    // 2^40 sectors or extents: nothing overflows that is multiplied below.
    constexpr std::int64_t largest = std::int64_t{1} << 40;
    const std::optional<std::int64_t> value = section.number(key);
    if (!value || *value < 0 || *value > largest)
        damaged(fmt::format("{} of '{}' is no possible number", key, printable(section.name)));
    return static_cast<std::uint64_t>(*value);
}

Extents find_extents(const LvmSection& group, const std::string& uuid)
{
    const LvmSection* volumes = group.section("physical_volumes");
    if (volumes == nullptr) damaged("its text names no physical volumes");
    for (const LvmSection& volume : volumes->sections) {
        if (without_dashes(volume.text("id").value_or("")) != uuid) continue;
        Extents extents{.name = volume.name,
                        .start = whole_number(volume, "pe_start") * sector,
                        .size = whole_number(group, "extent_size") * sector,
                        .count = whole_number(volume, "pe_count")};
        constexpr std::uint64_t largest = std::uint64_t{1} << 40;
        if (extents.size == 0 || extents.size > largest || extents.count > largest / sector)
            damaged("the size of its extents is not possible");
        return extents;
    }
    damaged("its text does not name it");
}

struct Placed {
    std::optional<ByteRange> range;
    std::string obstacle;
};

Placed obstacle(std::string why)
{
    return {.range = std::nullopt, .obstacle = std::move(why)};
}

// A segment's bytes, if it is plain ("striped" with one stripe: lvm2's word for linear) and on this volume.
Placed place_segment(const LvmSection& segment, const Extents& extents, std::uint64_t part_size)
{
    const std::string type = segment.text("type").value_or("");
    if (type != "striped" && type != "linear") return obstacle("it is of type '" + printable(type) + "'");
    const std::vector<LvmScalar>* stripes = segment.list("stripes");
    if (segment.number("stripe_count") != 1 || stripes == nullptr || stripes->size() != 2)
        return obstacle("it is striped");
    const auto* where = std::get_if<std::string>(&stripes->front());
    const auto* first = std::get_if<std::int64_t>(&stripes->back());
    if (where == nullptr || first == nullptr) damaged("a segment lies nowhere");
    if (*where != extents.name) return obstacle("it lies on another physical volume");
    const std::uint64_t count = whole_number(segment, "extent_count");
    if (*first < 0 || count == 0 || count > extents.count ||
        static_cast<std::uint64_t>(*first) > extents.count - count)
        damaged("a segment lies beyond the physical volume");
    // No overflow: an image's size is below 2^63.
    const std::uint64_t most = part_size / extents.size;
    if (extents.start > part_size || static_cast<std::uint64_t>(*first) > most || count > most)
        damaged("a segment lies beyond the end of the disk");
    const ByteRange range{.offset = extents.start + (static_cast<std::uint64_t>(*first) * extents.size),
                          .size = count * extents.size};
    require_within(range, part_size);
    return {.range = range, .obstacle = {}};
}

Placed place(const LvmSection& volume, const Extents& extents, std::uint64_t part_size)
{
    Placed whole;
    std::uint64_t next = 0;
    for (const LvmSection& segment : volume.sections) {
        if (!segment.name.starts_with("segment")) continue;
        if (whole_number(segment, "start_extent") != next) damaged("segments are not in order");
        Placed placed = place_segment(segment, extents, part_size);
        if (!placed.range) return placed;
        next += placed.range->size / extents.size;
        if (!whole.range)
            whole.range = placed.range;
        else if (whole.range->offset + whole.range->size == placed.range->offset)
            whole.range->size += placed.range->size;
        else
            return obstacle("it lies in several pieces");
    }
    if (!whole.range) damaged(fmt::format("'{}' has no segments", printable(volume.name)));
    return whole;
}

bool is_visible(const LvmSection& volume)
{
    const std::vector<LvmScalar>* status = volume.list("status");
    return status != nullptr && std::ranges::any_of(*status, [](const LvmScalar& word) {
               return word == LvmScalar(std::string("VISIBLE"));
           });
}

} // namespace

std::optional<VolumeGroup> read_lvm(const BlockReader& part)
{
    const Header header = read_header(find_label(part));
    std::optional<std::string> text;
    for (const ByteRange& area : header.metadata) {
        text = read_text(part, area);
        if (text) break;
    }
    if (!text) return std::nullopt;

    const LvmSection whole = parse_lvm_text(*text);
    const auto group = std::ranges::find_if(whole.sections, [](const LvmSection& section) {
        return section.section("physical_volumes") != nullptr;
    });
    if (group == whole.sections.end()) damaged("its text describes no volume group");
    const Extents extents = find_extents(*group, header.uuid);
    VolumeGroup result{.name = group->name, .volumes = {}};
    const LvmSection* volumes = group->section("logical_volumes");
    if (volumes == nullptr) return result;
    if (volumes->sections.size() > most_volumes) damaged("it has too many logical volumes");
    for (const LvmSection& volume : volumes->sections) {
        if (!is_visible(volume)) continue; // parts of others: pools, mirrors' legs
        Placed placed = place(volume, extents, part.size());
        result.volumes.push_back({.name = volume.name,
                                  .uuid = volume.text("id").value_or(""),
                                  .range = placed.range,
                                  .obstacle = std::move(placed.obstacle)});
    }
    return result;
}

} // namespace ctx
