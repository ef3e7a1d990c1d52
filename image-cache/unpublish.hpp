// The end of an image: its names, its file, what is known of it.
#pragma once

#include <image-cache/store.hpp>

#include "layout.hpp"
#include "lock.hpp"

namespace image_cache {

// Nobody may hold a lease on it.
void unpublish(const Layout& layout, const Image& image, const CacheLock&);

} // namespace image_cache
