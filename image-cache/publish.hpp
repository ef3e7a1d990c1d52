// The moment an image becomes one: complete, on disk, under its digest, with its name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <image-cache/inspect_file.hpp>
#include <image-cache/pull.hpp>

#include "aliases.hpp"
#include "temporary.hpp"

namespace image_cache {

struct Publication {
    std::string digest;
    Inspected disk;
    std::uint64_t file_size = 0;
    std::string source; // where it came from
    std::string alias;  // or ""
    std::optional<Fingerprint> fingerprint;
    std::optional<PullReport> pull;
};

// Content that is there already only gets the name. Throws Error.
Imported publish(const Layout& layout, Temporary& file, const Publication& image);

} // namespace image_cache
