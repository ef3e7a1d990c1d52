// The two kinds of partition tables.
#pragma once

#include <optional>
#include <string_view>

#include <ctx/volumes.hpp>

namespace ctx {

inline constexpr std::uint64_t mbr_sector = 512;

// The first sector's four entries, and those of the chain of extended partitions. `first` is the disk's first
// sector, known to hold a table.
PartitionTable read_mbr(const BlockReader& disk, std::string_view first);

// Where the first sector is a partition table: signature, flags and entries agree, and it is no boot sector
// of a file system on the whole disk.
bool is_mbr(std::string_view first);
// One that says: GPT.
bool is_protective(std::string_view first);

// The table at the beginning or, where that is damaged, the one at the end. Throws Error (user) when both
// are.
PartitionTable read_gpt(const BlockReader& disk);

} // namespace ctx
