// Disks of other programs, looked at before any program that would follow what they name.
#pragma once

#include <string_view>

#include "../unpack/content.hpp"

namespace image_cache {

// Throws Error (user) unless it is one file of its own, of a kind that is converted: VMDK monolithicSparse or
// streamOptimized, VDI, VHD, VHDX. `head` is its beginning, 2 MiB or the whole.
void require_self_contained(Content content, std::string_view head);

} // namespace image_cache
