// Disks of other programs, made into qcow2 once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
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

// Another program's disk as a qcow2; nothing for one that is raw or qcow2, or is said to be. Throws Error
// (user) for a disk that is not one file of its own.
std::optional<Incoming> converted(const Layout& layout, const Incoming& incoming, const PullRequest& request);

} // namespace image_cache
