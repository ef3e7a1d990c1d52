// Where everything of a FAT32 volume lies: computed from names and sizes before anything is written.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ctx {

struct FatPiece {
    std::uint64_t offset = 0; // in bytes, from the volume's beginning
    std::string bytes;
};

struct FatPlan {
    std::uint64_t size = 0;
    std::vector<FatPiece> pieces;                // boot sectors, tables, directories; all else is zeros
    std::map<std::string, std::uint64_t> places; // each file's content; its clusters follow each other
};

// `sizes` has every file by its path. FAT32 even for the little that a context is: one format, and a volume
// of 34 MB takes no more room than what is in it, for the rest is a hole. Throws Error (user) for what no FAT
// can hold: names beyond ASCII or that differ in case alone, files of 4 GiB, too much in all.
FatPlan plan_fat(const std::string& label, const std::map<std::string, std::uint64_t>& sizes,
                 std::int64_t time);

} // namespace ctx
