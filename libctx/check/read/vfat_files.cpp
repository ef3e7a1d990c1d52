#include "check/read/vfat_files.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include <ctx/base/error.hpp>

#include "check/userdata/lines.hpp"

namespace ctx::check {

namespace {

constexpr std::size_t deepest = 8; // the deepest file a guest looks for lies three deep
constexpr std::size_t most_entries = 20000;
constexpr std::size_t most_directories = 500;
constexpr std::size_t entry_size = 32;

Error damaged(std::string why)
{
    return Error(Blame::user, "the FAT file system cannot be read")
        .because(std::move(why))
        .mend("make it anew");
}

std::uint32_t little_endian(std::string_view bytes, std::size_t at, std::size_t count)
{
    std::uint32_t value = 0;
    for (std::size_t i = count; i-- > 0;) value = value << 8U | static_cast<unsigned char>(bytes[at + i]);
    return value;
}

void append_utf8(std::string& text, std::uint32_t unit)
{
    if (unit < 0x80) {
        text += static_cast<char>(unit);
    } else if (unit < 0x800) {
        text += static_cast<char>(0xc0U | unit >> 6U);
        text += static_cast<char>(0x80U | (unit & 0x3fU));
    } else {
        text += static_cast<char>(0xe0U | unit >> 12U);
        text += static_cast<char>(0x80U | (unit >> 6U & 0x3fU));
        text += static_cast<char>(0x80U | (unit & 0x3fU));
    }
}

class Reader {
public:
    Reader(const BlockReader& part, const std::vector<std::string>& wanted, std::size_t limit)
        : part_(part), limit_(limit)
    {
        for (const std::string& name : wanted) wanted_.push_back(lower(name));
        read_geometry();
    }

    std::map<std::string, MediumFile> read()
    {
        const std::string root =
            bits_ == 32 ? content(root_cluster_, part_.size()) : bytes_at(root_at_, root_size_);
        list(root, "", 1);
        return std::move(files_);
    }

private:
    std::string bytes_at(std::uint64_t offset, std::uint64_t size) const
    {
        require_within({.offset = offset, .size = size}, part_.size());
        return read_bytes(part_, offset, static_cast<std::size_t>(size));
    }

    void read_geometry()
    {
        const std::string boot = bytes_at(0, 512);
        const std::uint64_t sector = little_endian(boot, 11, 2);
        const std::uint64_t per_cluster = little_endian(boot, 13, 1);
        const std::uint64_t reserved = little_endian(boot, 14, 2);
        const std::uint64_t tables = little_endian(boot, 16, 1);
        const std::uint64_t root_entries = little_endian(boot, 17, 2);
        std::uint64_t sectors = little_endian(boot, 19, 2);
        if (sectors == 0) sectors = little_endian(boot, 32, 4);
        std::uint64_t table_sectors = little_endian(boot, 22, 2);
        if (table_sectors == 0) table_sectors = little_endian(boot, 36, 4);
        if (sector < 512 || sector > 4096 || per_cluster == 0 || reserved == 0 || tables == 0 ||
            table_sectors == 0)
            throw damaged("its first sector says nothing that can be");
        cluster_size_ = sector * per_cluster;
        root_at_ = (reserved + tables * table_sectors) * sector;
        root_size_ = root_entries * entry_size;
        data_at_ = root_at_ + (root_size_ + sector - 1) / sector * sector;
        if (sectors * sector <= data_at_) throw damaged("its tables are larger than itself");
        clusters_ = (sectors * sector - data_at_) / cluster_size_;
        // Microsoft's rule: the number of clusters alone says which FAT it is.
        bits_ = clusters_ < 4085 ? 12 : clusters_ < 65525 ? 16 : 32;
        root_cluster_ = little_endian(boot, 44, 4);
        constexpr std::uint64_t largest_table = 16 << 20;
        table_ = bytes_at(reserved * sector, std::min(table_sectors * sector, largest_table));
    }

    std::uint32_t next(std::uint32_t cluster) const
    {
        const std::size_t at = std::size_t{cluster} * bits_ / 8;
        const std::size_t width = bits_ == 32 ? 4 : 2;
        if (at + width > table_.size()) throw damaged("a chain leaves the table");
        if (bits_ == 32) return little_endian(table_, at, 4) & 0x0fffffffU;
        const std::uint32_t value = little_endian(table_, at, 2);
        if (bits_ == 16) return value;
        return cluster % 2 == 0 ? value & 0xfffU : value >> 4U;
    }

    bool is_data(std::uint32_t cluster) const { return cluster >= 2 && cluster < clusters_ + 2; }

    // At most `size` bytes of a chain; a chain that comes back to itself ends with the size.
    std::string content(std::uint32_t cluster, std::uint64_t size) const
    {
        std::string text;
        constexpr std::uint64_t largest_directory = 2 << 20;
        size = std::min(size, std::max<std::uint64_t>(limit_, largest_directory));
        for (; is_data(cluster) && text.size() < size; cluster = next(cluster))
            text += bytes_at(data_at_ + (cluster - 2) * cluster_size_, cluster_size_);
        if (text.size() > size) text.resize(static_cast<std::size_t>(size));
        return text;
    }

    void list(std::string_view directory, const std::string& prefix, std::size_t depth)
    {
        if (depth > deepest) return;
        std::string long_name;
        for (; directory.size() >= entry_size; directory.remove_prefix(entry_size)) {
            const std::string_view entry = directory.substr(0, entry_size);
            constexpr unsigned char deleted = 0xe5;
            if (entry[0] == '\0') return;
            const std::uint32_t attributes = little_endian(entry, 11, 1);
            if (static_cast<unsigned char>(entry[0]) == deleted) {
                long_name.clear();
            } else if ((attributes & 0x3fU) == 0x0fU) {
                long_name.insert(0, part_of_long_name(entry));
            } else {
                add(entry, attributes, prefix, std::exchange(long_name, {}), depth);
            }
        }
    }

    // Thirteen letters of UCS-2, up to a zero.
    static std::string part_of_long_name(std::string_view entry)
    {
        std::string text;
        for (const auto& [from, count] : {std::pair{1, 5}, std::pair{14, 6}, std::pair{28, 2}}) {
            for (int i = 0; i < count; ++i) {
                const std::uint32_t unit = little_endian(entry, static_cast<std::size_t>(from + 2 * i), 2);
                if (unit == 0) return text;
                append_utf8(text, unit);
            }
        }
        return text;
    }

    static std::string short_name(std::string_view entry)
    {
        std::string name = lower(trimmed(entry.substr(0, 8)));
        const std::string extension = lower(trimmed(entry.substr(8, 3)));
        if (!extension.empty()) name += "." + extension;
        return name;
    }

    void add(std::string_view entry, std::uint32_t attributes, const std::string& prefix,
             std::string long_name, std::size_t depth)
    {
        constexpr std::uint32_t volume_label = 0x08;
        constexpr std::uint32_t directory = 0x10;
        const std::string name = long_name.empty() ? short_name(entry) : std::move(long_name);
        if ((attributes & volume_label) != 0 || name.empty() || name == "." || name == ".." ||
            name.find('/') != std::string::npos)
            return;
        if (++entries_ > most_entries) throw damaged("it holds more files than can be");
        const std::uint32_t cluster =
            little_endian(entry, 26, 2) | (bits_ == 32 ? little_endian(entry, 20, 2) << 16U : 0U);
        const std::string path = prefix + name;
        if ((attributes & directory) != 0) {
            if (++directories_ > most_directories) throw damaged("it holds more directories than can be");
            list(content(cluster, part_.size()), path + "/", depth + 1);
            return;
        }
        const std::uint64_t size = little_endian(entry, 28, 4);
        MediumFile& file = files_[path];
        if (size > limit_ || std::ranges::find(wanted_, lower(path)) == wanted_.end()) return;
        file.content = content(cluster, size);
        if (file.content->size() != size) throw damaged("a file ends before its size");
    }

    const BlockReader& part_;
    std::vector<std::string> wanted_;
    std::size_t limit_;
    std::uint64_t cluster_size_ = 0;
    std::uint64_t root_at_ = 0;
    std::uint64_t root_size_ = 0;
    std::uint64_t data_at_ = 0;
    std::uint64_t clusters_ = 0;
    std::uint32_t root_cluster_ = 0;
    unsigned bits_ = 0;
    std::string table_;
    std::size_t entries_ = 0;
    std::size_t directories_ = 0;
    std::map<std::string, MediumFile> files_;
};

} // namespace

std::map<std::string, MediumFile> vfat_files(const BlockReader& part, const std::vector<std::string>& wanted,
                                             std::size_t limit)
{
    return Reader(part, wanted, limit).read();
}

} // namespace ctx::check
