#include "disc/fat_plan.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include <ctx/base/digest.hpp>
#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

#include "disc/fat_directory.hpp"
#include "disc/fat_format.hpp"

namespace ctx {

namespace {

using namespace fat;

constexpr std::uint64_t reserved_sectors = 32;
constexpr std::uint64_t tables = 2;
constexpr std::uint64_t first_cluster = 2;
// A little above the limit: there are drivers that count wrongly near it.
constexpr std::uint64_t least_clusters = least_clusters_fat32 + 75;
// Larger clusters rather than larger tables: 1 MiB each.
constexpr std::uint64_t most_clusters = 1U << 18U;
constexpr std::uint64_t most_sectors_per_cluster = 64;
constexpr std::uint32_t end_of_chain = 0x0fffffff;

std::uint64_t in_units(std::uint64_t bytes, std::uint64_t unit)
{
    return (bytes + unit - 1) / unit;
}

struct Directory {
    std::map<std::string, Directory> directories;
    std::map<std::string, std::string> files; // names and whole paths
    std::uint64_t cluster = 0;
    std::uint64_t bytes = 0;
};

class Planner {
public:
    Planner(const std::string& label, const std::map<std::string, std::uint64_t>& sizes, std::int64_t time)
        : label_(label), sizes_(sizes), time_(time)
    {
    }

    FatPlan plan()
    {
        require_sizes();
        for (const auto& entry : sizes_) place_in_tree(entry.first);
        measure(root_, 1);
        choose_cluster_size();
        assign(root_);
        for (const auto& [path, size] : sizes_) {
            clusters_[path] = size == 0 ? 0 : take_clusters(size);
            result_.places[path] = size == 0 ? 0 : offset_of(clusters_[path]);
        }
        lay_out();
        write_directories(root_, 0);
        return std::move(result_);
    }

private:
    void require_sizes() const
    {
        if (label_.empty() || label_.size() > short_name_size)
            throw Error(Blame::node, "a vfat disk's label has 1 to 11 letters").at(label_);
        for (const auto& [path, size] : sizes_) {
            if (size > std::numeric_limits<std::uint32_t>::max())
                throw Error(Blame::user, "a file is too big for a vfat disk")
                    .at(printable(path))
                    .because(fmt::format("{} bytes; it has to have less than 4 GiB", size))
                    .mend("write the disc in another format, or split the file");
        }
    }

    void place_in_tree(const std::string& path)
    {
        const std::vector<std::string> parts = split(path, '/');
        Directory* directory = &root_;
        for (std::size_t i = 0; i + 1 < parts.size(); ++i) directory = &directory->directories[parts[i]];
        directory->files[parts.back()] = path;
    }

    // `extra`: the label in the root, "." and ".." elsewhere.
    void measure(Directory& directory, std::size_t extra)
    {
        directory.bytes = extra * entry_size;
        for (auto& [name, child] : directory.directories) {
            directory.bytes += entry_bytes(name);
            measure(child, 2);
        }
        for (const auto& entry : directory.files) directory.bytes += entry_bytes(entry.first);
        if (directory.bytes > largest_directory)
            throw Error(Blame::user, "there are too many files in one folder of a vfat disk")
                .mend("pack them into an archive");
        contents_.push_back(directory.bytes);
    }

    void choose_cluster_size()
    {
        for (const auto& entry : sizes_) contents_.push_back(entry.second);
        const auto needed = [&] {
            std::uint64_t sum = 0;
            for (const std::uint64_t bytes : contents_) sum += in_units(bytes, cluster_bytes());
            return sum;
        };
        while (needed() > most_clusters && sectors_per_cluster_ < most_sectors_per_cluster)
            sectors_per_cluster_ *= 2;
        clusters_in_all_ = std::max(needed(), least_clusters);
        table_sectors_ = in_units((clusters_in_all_ + first_cluster) * 4, sector_size);
        if (sectors() > std::numeric_limits<std::uint32_t>::max())
            throw Error(Blame::user, "the context is too big for a vfat disk")
                .because("it holds 2 TiB at most")
                .mend("write the disc in another format");
    }

    void assign(Directory& directory)
    {
        directory.cluster = take_clusters(directory.bytes);
        for (auto& [name, child] : directory.directories) assign(child);
    }

    std::uint64_t take_clusters(std::uint64_t bytes)
    {
        const std::uint64_t first = next_cluster_;
        next_cluster_ += in_units(bytes, cluster_bytes());
        for (std::uint64_t cluster = first; cluster + 1 < next_cluster_; ++cluster)
            add_to_table(static_cast<std::uint32_t>(cluster + 1));
        add_to_table(end_of_chain);
        return first;
    }

    void add_to_table(std::uint32_t value)
    {
        table_.resize(table_.size() + 4);
        put(table_, table_.size() - 4, 4, value);
    }

    void lay_out()
    {
        result_.size = sectors() * sector_size;
        const std::string boot = boot_sector();
        const std::string information = information_sector();
        constexpr std::uint64_t backup = 6;
        for (const std::uint64_t sector : {std::uint64_t{0}, backup}) {
            result_.pieces.push_back({sector * sector_size, boot});
            result_.pieces.push_back({(sector + 1) * sector_size, information});
        }
        std::string head(first_cluster * 4, '\0');
        put(head, 0, 4, 0x0ffffff8);
        put(head, 4, 4, end_of_chain);
        for (std::uint64_t i = 0; i < tables; ++i)
            result_.pieces.push_back({(reserved_sectors + i * table_sectors_) * sector_size, head + table_});
    }

    std::string boot_sector() const
    {
        std::string sector(sector_size, '\0');
        const auto text = [&](std::size_t at, const std::string& bytes) {
            sector.replace(at, bytes.size(), bytes);
        };
        text(0, "\xeb\x58\x90VMBATCH ");
        put(sector, 11, 2, sector_size);
        put(sector, 13, 1, static_cast<std::uint32_t>(sectors_per_cluster_));
        put(sector, 14, 2, reserved_sectors);
        put(sector, 16, 1, tables);
        put(sector, 21, 1, 0xf8); // a fixed disk
        put(sector, 24, 2, 32);   // sectors of a track, heads: nobody has had any for long
        put(sector, 26, 2, 64);
        put(sector, 32, 4, static_cast<std::uint32_t>(sectors()));
        put(sector, 36, 4, static_cast<std::uint32_t>(table_sectors_));
        put(sector, 44, 4, static_cast<std::uint32_t>(root_.cluster));
        put(sector, 48, 2, 1); // the information sector
        put(sector, 50, 2, 6); // the copy of both
        put(sector, 64, 1, 0x80);
        put(sector, 66, 1, 0x29); // what follows is there
        put(sector, 67, 4, serial_number());
        std::string label = label_;
        label.resize(short_name_size, ' ');
        text(71, label + "FAT32   ");
        put(sector, 510, 2, 0xaa55);
        return sector;
    }

    // The volume's "UUID", which must not be 0: by what it holds.
    std::uint32_t serial_number() const
    {
        Sha256 hash;
        for (const auto& [path, size] : sizes_) hash.update(fmt::format("{} {}\n", path, size));
        return static_cast<std::uint32_t>(std::stoul(hash.finish().substr(0, 8), nullptr, 16)) | 1U;
    }

    std::string information_sector() const
    {
        std::string sector(sector_size, '\0');
        put(sector, 0, 4, 0x41615252);
        put(sector, 484, 4, 0x61417272);
        const std::uint64_t used = next_cluster_ - first_cluster;
        put(sector, 488, 4, static_cast<std::uint32_t>(clusters_in_all_ - used));
        put(sector, 492, 4, static_cast<std::uint32_t>(next_cluster_ - 1));
        put(sector, 508, 4, 0xaa550000);
        return sector;
    }

    void write_directories(const Directory& directory, std::uint64_t parent)
    {
        DirectoryWriter writer(time_);
        const bool is_root = &directory == &root_;
        if (is_root)
            writer.add_label(label_);
        else
            writer.add_dots(static_cast<std::uint32_t>(directory.cluster),
                            static_cast<std::uint32_t>(parent));
        for (const auto& [name, child] : directory.directories) {
            writer.add(name, attribute_directory, static_cast<std::uint32_t>(child.cluster), 0);
            write_directories(child, is_root ? 0 : directory.cluster); // ".." of the root's children is 0
        }
        for (const auto& [name, path] : directory.files)
            writer.add(name, attribute_archive, static_cast<std::uint32_t>(clusters_.at(path)),
                       static_cast<std::uint32_t>(sizes_.at(path)));
        result_.pieces.push_back({offset_of(directory.cluster), writer.bytes()});
    }

    std::uint64_t cluster_bytes() const { return sectors_per_cluster_ * sector_size; }
    std::uint64_t first_data_sector() const { return reserved_sectors + tables * table_sectors_; }
    std::uint64_t sectors() const { return first_data_sector() + clusters_in_all_ * sectors_per_cluster_; }
    std::uint64_t offset_of(std::uint64_t cluster) const
    {
        return first_data_sector() * sector_size + (cluster - first_cluster) * cluster_bytes();
    }

    const std::string& label_;
    const std::map<std::string, std::uint64_t>& sizes_;
    std::int64_t time_;
    Directory root_;
    std::vector<std::uint64_t> contents_; // bytes of each thing that takes clusters of its own
    std::map<std::string, std::uint64_t> clusters_;
    std::uint64_t sectors_per_cluster_ = 1;
    std::uint64_t clusters_in_all_ = 0;
    std::uint64_t table_sectors_ = 0;
    std::uint64_t next_cluster_ = first_cluster;
    std::string table_;
    FatPlan result_;
};

} // namespace

FatPlan plan_fat(const std::string& label, const std::map<std::string, std::uint64_t>& sizes,
                 std::int64_t time)
{
    return Planner(label, sizes, time).plan();
}

} // namespace ctx
