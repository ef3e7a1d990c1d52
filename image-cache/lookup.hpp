// From a name to an image.
#pragma once

#include <string_view>
#include <vector>

#include "aliases.hpp"
#include "layout.hpp"

namespace image_cache {

// The image files there are.
std::vector<ImageFile> image_files(const Layout& layout);

// The file that an alias, digest or beginning of a digest stands for. Throws Error (user) if there is none or
// several, Error (node) if an alias cannot be read or its image is gone.
ImageFile resolve(const Layout& layout, std::string_view name);

// What is known of an image. Throws Error (node) if its metadata are damaged; without any, its file tells.
Image load(const Layout& layout, const ImageFile& file, const std::vector<Alias>& aliases);

// The same for one whose metadata are damaged: all its file shows.
Image load_without_metadata(const Layout& layout, const ImageFile& file, const std::vector<Alias>& aliases);

} // namespace image_cache
