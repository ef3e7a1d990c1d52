// A context disc as a FAT32 volume.
#pragma once

#include <filesystem>

#include <ctx/disc.hpp>

namespace ctx {

void write_fat(const DiscTree& tree, const std::filesystem::path& path, const DiscOptions& options);

} // namespace ctx
