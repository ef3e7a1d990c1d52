// The files of a FAT file system, as Linux's vfat shows them. What is on it is hostile.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <ctx/block_device.hpp>
#include <ctx/check/machine.hpp>

namespace ctx::check {

// Content comes with the files that are wanted (case does not count) and hold no more than `limit` bytes.
// Throws Error (user) for a damaged one.
std::map<std::string, MediumFile> vfat_files(const BlockReader& part, const std::vector<std::string>& wanted,
                                             std::size_t limit);

} // namespace ctx::check
