// Disks of other programs, made into qcow2 once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <image-cache/pull.hpp>

#include "../temporary.hpp"
#include "../unpack/content.hpp"

namespace image_cache {

// A file on its way in, and what is known of it.
struct Incoming {
    std::unique_ptr<Temporary> file;
    std::string digest;
    std::uint64_t size = 0;
    Content content = Content::disk;
};

// The same if it is raw or qcow2, or is said to be; else converted. Throws Error (user) for a disk that is
// not one file of its own.
Incoming made_readable(const Layout& layout, Incoming incoming, const PullRequest& request);

} // namespace image_cache
