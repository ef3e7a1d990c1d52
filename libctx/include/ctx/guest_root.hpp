// Which of a disk's file systems is the guest's root, and what the guest mounts below it: found by looking,
// not by number.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <ctx/block_device.hpp>
#include <ctx/mounted_tree.hpp>
#include <ctx/volumes.hpp>

namespace ctx {

// A line of /etc/fstab, with its octal escapes (\040) taken back.
struct FstabLine {
    std::string source;
    std::string target;
    std::string type;
    std::string options;
    friend bool operator==(const FstabLine&, const FstabLine&) = default;
};
std::vector<FstabLine> parse_fstab(std::string_view text);

// The volume that a source of fstab means: UUID=, LABEL=, PARTUUID=, PARTLABEL= (quoted or not), their
// /dev/disk/by-… names, /dev/mapper/VG-LV, /dev/VG/LV, /dev/sda1 and its like. Null if none is meant.
const Volume* find_source(const DiskLayout& layout, std::string_view source);

// The file systems that ext serves ("ext2", "ext3", "ext4").
bool is_ext(const Volume& volume);

struct Mounted {
    std::string target;
    std::string source;             // as fstab has it; of the root, ""
    const Volume* volume = nullptr; // null: on no disk that is here
};

struct GuestRoot {
    std::vector<Mounted> mounts; // the root first
    // Why ext does not serve: a part that is on something else. Empty: it does.
    std::string obstacle;
};

// Looks on all ext file systems for one that is a root (os-release or the like, and init or fstab), then
// into its fstab. `layout` must outlive the result. Throws Error (user) when none is a root, or two are.
GuestRoot find_root(const BlockReader& disk, const DiskLayout& layout);

} // namespace ctx
