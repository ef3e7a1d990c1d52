// Media and disks for predictions, read from files: discs of ours and of other tools, images of disks. What
// is on them is hostile, see ctx/disc_reader.hpp.
#pragma once

#include <filesystem>
#include <string>

#include <ctx/base/deadline.hpp>
#include <ctx/check/machine.hpp>

namespace ctx::check {

// A CD, or an image of one. Files larger than 1 MiB come without their content. Throws Error (user) for what
// is no disc.
Medium read_medium(const std::filesystem::path& disc, std::string device, const Deadline& deadline);

// A disk, raw or qcow2, and the media on it: a vfat, or ISO 9660 where a CD's image is attached as a disk.
// Throws Error (user) for a damaged one.
void add_disk(Machine& machine, const std::filesystem::path& image, std::string device, bool writable,
              const Deadline& deadline);

} // namespace ctx::check
