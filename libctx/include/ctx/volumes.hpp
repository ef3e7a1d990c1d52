// What a disk is divided into, read from its bytes alone: neither root nor loop devices nor device-mapper.
// Everything on the disk is hostile. libblkid knows partitions too, but only of what the kernel can open as a
// file; a qcow2 is no such file, hence readers of our own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ctx/block_device.hpp>

namespace ctx {

struct Partition {
    unsigned number = 0; // as Linux counts: 1 to 4 and, logical ones, from 5; GPT: the entry's place
    ByteRange range;     // cut at the disk's end, as Linux does
    std::string type;    // MBR: "83"; GPT: the type's GUID, lower case
    std::string uuid;    // as in PARTUUID=; MBR: "1a2b3c4d-01"
    std::string label;   // GPT: the name, UTF-8
};

struct PartitionTable {
    enum class Kind { mbr, gpt };
    Kind kind = Kind::mbr;
    bool from_backup = false; // GPT: the table at the beginning is damaged, this is the one at the end
    std::vector<Partition> partitions;
};

// Nothing if the disk has no partition table. Throws Error (user) for a damaged one.
std::optional<PartitionTable> read_partitions(const BlockReader& disk);

// What a file system (or another known content) says of itself.
struct Content {
    std::string type; // as blkid says: "ext4", "xfs", "LVM2_member", "crypto_LUKS", "swap"
    std::string uuid;
    std::string label;
    friend bool operator==(const Content&, const Content&) = default;
};

// Nothing if it is nothing known, or more than one thing at a time.
std::optional<Content> recognise(const BlockReader& part);

struct LogicalVolume {
    std::string name;
    std::string uuid;
    // Where its bytes are, within the physical volume, if they are one stretch of it.
    std::optional<ByteRange> range;
    std::string obstacle; // else: why not
};

struct VolumeGroup {
    std::string name;
    std::vector<LogicalVolume> volumes;
};

// The volume group that an LVM2 physical volume belongs to; nothing if it belongs to none yet. Throws Error
// (user) for what is no physical volume or a damaged one.
std::optional<VolumeGroup> read_lvm(const BlockReader& part);

// A place where a file system may be.
struct Volume {
    enum class Kind { disk, partition, logical };
    Kind kind = Kind::disk;
    std::string name;               // "disk", "partition 1", "vg/root"
    std::optional<ByteRange> range; // within the disk
    std::string obstacle;           // why there is no range
    std::optional<Content> content;
    std::string partition_uuid;
    std::string partition_label;
};

struct DiskLayout {
    std::uint64_t size = 0;
    std::optional<PartitionTable> partitions;
    std::vector<Volume> volumes; // in order; logical volumes after the partition they are in
};

DiskLayout read_layout(const BlockReader& disk);

} // namespace ctx
