// The files of a FAT volume: 12, 16 or 32, long names and short ones.
#include <algorithm>
#include <ctime>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include <ctx/base/text.hpp>

#include "disc/disc_contents.hpp"
#include "disc/fat_format.hpp"
#include "disc/fat_names.hpp"
#include "disc/fat_volume.hpp"

namespace ctx {

using namespace fat;

namespace {

std::int64_t time_of(std::uint32_t day, std::uint32_t time)
{
    std::tm parts{};
    parts.tm_year = static_cast<int>(80 + (day >> 9U));
    parts.tm_mon = static_cast<int>((day >> 5U & 0xfU) == 0 ? 0 : (day >> 5U & 0xfU) - 1);
    parts.tm_mday = static_cast<int>(day & 0x1fU);
    parts.tm_hour = static_cast<int>(time >> 11U);
    parts.tm_min = static_cast<int>(time >> 5U & 0x3fU);
    parts.tm_sec = static_cast<int>((time & 0x1fU) * 2);
    return ::timegm(&parts);
}

class FatContents : public DiscContents {
public:
    FatContents(std::filesystem::path path, const BlockReader& disk)
        : path_(path), volume_(std::move(path), disk)
    {
        const std::string root = directory(volume_.root_cluster(), true);
        for (std::size_t at = 0; at + entry_size <= root.size() && root[at] != '\0'; at += entry_size) {
            const std::string_view entry = std::string_view(root).substr(at, entry_size);
            const std::uint32_t attributes = get(entry, 11, 1) & attribute_mask;
            constexpr std::uint32_t kind = attribute_label | attribute_directory;
            if (!is_deleted(entry) && attributes != attribute_long_name &&
                (attributes & kind) == attribute_label)
                root_label_ = plain_text(entry.substr(0, short_name_size));
        }
    }

    std::string label() const override
    {
        if (root_label_) return *root_label_;
        const std::string label = plain_text(volume_.boot_label());
        return label == "NO NAME" ? "" : label; // as mkfs says that there is none
    }

    void list(DiscListing& listing) override { list(listing, volume_.root_cluster(), "", 1); }

    void read(const std::string& path, std::uint64_t size, const Deadline& deadline,
              const std::function<void(std::string_view)>& take) override
    {
        std::uint64_t left = size;
        if (left == 0) return;
        volume_.follow(files_.at(path), [&](std::string_view piece) {
            if (deadline.passed()) throw bad_disc(path_, "it takes too long").as_timeout();
            piece = piece.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left, piece.size())));
            left -= piece.size();
            take(piece);
            return left > 0;
        });
        if (left > 0) throw bad_disc(path_, "it is cut off within '" + printable(path) + "'");
    }

private:
    static bool is_deleted(std::string_view entry) { return get(entry, 0, 1) == 0xe5; }

    std::string directory(std::uint32_t cluster, bool is_root) const
    {
        if (is_root && !volume_.has_root_chain()) return volume_.fixed_root();
        std::string bytes;
        volume_.follow(cluster, [&](std::string_view piece) {
            bytes += piece;
            if (bytes.size() > largest_directory) throw bad_disc(path_, "a directory does not end");
            return true;
        });
        return bytes;
    }

    void list(DiscListing& listing, std::uint32_t cluster, const std::string& prefix, std::size_t depth)
    {
        listing.require_depth(depth);
        const std::string bytes = directory(cluster, depth == 1);
        NameReader names;
        for (std::size_t at = 0; at + entry_size <= bytes.size() && bytes[at] != '\0'; at += entry_size) {
            const std::string_view entry = std::string_view(bytes).substr(at, entry_size);
            const std::uint32_t attributes = get(entry, 11, 1) & attribute_mask;
            const bool is_dots = entry[0] == '.';
            if (is_deleted(entry) ||
                (attributes != attribute_long_name && (attributes & attribute_label) != 0) || is_dots)
                names.forget();
            else if (attributes == attribute_long_name)
                names.take_long(entry);
            else
                add(listing, entry, names.take_name(entry), prefix, depth);
        }
    }

    void add(DiscListing& listing, std::string_view entry, const std::string& name, const std::string& prefix,
             std::size_t depth)
    {
        const std::uint32_t attributes = get(entry, 11, 1);
        const bool is_directory = (attributes & attribute_directory) != 0;
        // Before FAT32 the upper half is something else's.
        const std::uint32_t upper = volume_.has_root_chain() ? get(entry, 20, 2) : 0;
        const std::uint32_t cluster = upper << 16U | get(entry, 26, 2);
        mode_t mode = is_directory ? 0755 : 0644;
        if ((attributes & attribute_read_only) != 0) mode &= 0555U;
        const std::string path =
            listing.add(prefix, {.path = name,
                                 .kind = is_directory ? DiscEntry::Kind::directory : DiscEntry::Kind::file,
                                 .size = get(entry, 28, 4),
                                 .mode = mode,
                                 .time = time_of(get(entry, 24, 2), get(entry, 22, 2))});
        if (is_directory)
            list(listing, cluster, path + "/", depth + 1);
        else
            files_.emplace(path, cluster);
    }

    std::filesystem::path path_;
    Volume volume_;
    std::optional<std::string> root_label_;
    std::map<std::string, std::uint32_t> files_;
};

} // namespace

std::unique_ptr<DiscContents> fat_contents(const std::filesystem::path& path, const BlockReader& disk)
{
    return std::make_unique<FatContents>(path, disk);
}

} // namespace ctx
