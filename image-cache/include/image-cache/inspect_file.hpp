// Looking into an open image file before anything relies on it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <image-cache/store.hpp>

namespace image_cache {

// Checks that it is an image of this format (nothing: what its beginning says), throws
// Error (user) if it is not, or must not be used.
struct Inspected {
    Format format = Format::raw;
    std::uint64_t virtual_size = 0;
};
Inspected inspect_file(int fd, std::uint64_t file_size, std::optional<Format> format,
                       const std::string& name);

} // namespace image_cache
