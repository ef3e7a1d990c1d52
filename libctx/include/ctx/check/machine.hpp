// What a guest will find when it boots: media that may carry a context, and disks. Plain values: the
// predictions (ctx/check/report.hpp) are made from them alone, whoever filled them in.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ctx::check {

enum class FileSystem { none, iso9660, vfat, udf, ext2, ext3, ext4, swap, other };

std::string_view to_string(FileSystem kind);

// A file of a medium. No content: it was too large to look at, or nobody reads it.
struct MediumFile {
    std::optional<std::string> content;
};

// A file system that carries files a guest could take for its context.
struct Medium {
    std::string place;  // for messages: the file of the host
    std::string device; // the guest's name for it: "sr0", "vdb", "vdb1"
    FileSystem filesystem = FileSystem::iso9660;
    bool long_names =
        true; // ISO 9660: Rock Ridge or Joliet. Without, names are as Linux shows them: "user_dat"
    std::string label;
    // By path, relative, '/'-separated, as the guest sees them.
    std::map<std::string, MediumFile> files;

    // Looks a path up as the guest's kernel does: on vfat, case does not count. Null if there is none.
    const MediumFile* find(std::string_view path) const;
    bool has(std::string_view path) const { return find(path) != nullptr; }
    // A file's text; "" if there is none or it was not read.
    std::string_view text(std::string_view path) const;
    // "sr0 (context.iso, iso9660 'cidata')"
    std::string describe() const;
};

struct Partition {
    unsigned number = 1;
    FileSystem filesystem = FileSystem::none; // none: nothing that is known, zeros or not
    std::string label;
    // Whether a file system holds no file but lost+found; nothing if it was not looked at.
    std::optional<bool> empty;
};

struct Disk {
    std::string place;
    std::string device; // "vdb"
    bool writable = true;
    // All zeros, as far as was looked: nothing can be lost.
    bool blank = false;
    bool has_table = false; // a partition table; it may be empty
    std::vector<Partition> partitions;
    // Of a disk without partitions: what lies on it as a whole.
    FileSystem filesystem = FileSystem::none;
    std::string label;
    std::uint64_t size = 0; // bytes, as the guest sees it; 0 = not known
};

struct Machine {
    std::vector<Medium> media;
    std::vector<Disk> disks; // without the guest's own image
};

} // namespace ctx::check
