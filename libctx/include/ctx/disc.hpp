// Context discs: ISO 9660 with Rock Ridge and Joliet, written in-process by libisofs, or a FAT32 volume.
#pragma once

#include <cstdint>
#include <filesystem>

#include <ctx/base/file.hpp>
#include <ctx/dialect.hpp>
#include <ctx/disc_format.hpp>

namespace ctx {

struct DiscOptions {
    DiscFormat format = DiscFormat::iso;
    // Every date on the disc, in seconds since 1970: the same tree and time give the same bytes. FAT's dates
    // begin with 1980.
    std::int64_t time = 0;
    mode_t mode = 0600;
    Durable durable = Durable::no;
};

// Writes the tree under a temporary name beside `path`, then renames it. Throws Error: user for a source that
// cannot be read and what the format cannot hold, node for the rest.
void write_disc(const DiscTree& tree, const std::filesystem::path& path, const DiscOptions& options = {});

} // namespace ctx
