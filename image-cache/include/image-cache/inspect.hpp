// What an image file claims to be, read from its beginning without any program that would follow what it
// names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace image_cache {

struct Qcow2Facts {
    std::uint32_t version = 0;
    std::uint32_t cluster_size = 0;
    std::uint64_t virtual_size = 0;
    bool zstd = false;        // compressed clusters are zstd, not zlib
    bool extended_l2 = false; // subclusters
};

bool is_qcow2(std::string_view head);

// As much of a file's beginning as inspection needs: the largest cluster a qcow2 may have, which holds its
// header.
inline constexpr std::size_t inspected_head = std::size_t{2} << 20;

// A qcow2's facts, or Error (user) naming what is wrong with it. `head` is the beginning of the file,
// min(file_size, inspected_head) bytes of it. Refused is what could show a file of the host (backing file,
// data file), what nobody here could read (encryption, unknown features) and what does not fit together.
Qcow2Facts inspect_qcow2(std::string_view head, std::uint64_t file_size);

// What a file that is no disk image is ("a gzip archive", "a VMDK disk", "an HTML page"), if that can be
// told.
std::optional<std::string_view> foreign_content(std::string_view head);

} // namespace image_cache
