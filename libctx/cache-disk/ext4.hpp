// An empty ext4, made by libext2fs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace ctx {

// Makes one over the whole of a file that reads as zeros. Everything that mke2fs would take from chance or
// the clock comes from size and label. Throws Error (node).
void make_ext4(const std::filesystem::path& file, std::uint64_t size, std::string_view label);

} // namespace ctx
