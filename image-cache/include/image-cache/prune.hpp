// Making room: images that nobody needs, the least recently used first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <image-cache/store.hpp>

namespace image_cache {

struct PruneOptions {
    std::optional<unsigned> keep_days;     // what was used since then stays
    std::optional<std::uint64_t> max_size; // bytes on disk all images together may take
    bool dry_run = false;
};

struct Pruned {
    Image image;
    std::string why; // that it goes, or that it stays
};

struct PruneResult {
    std::vector<Pruned> removed; // in a dry run: would be
    std::vector<Pruned> kept;
    std::vector<std::string> dead_leases; // of jobs that are no more
    std::uint64_t freed = 0;              // bytes on disk, parts of downloads included
};

// Never an image that a job stands on; nor one with a name that came from a local file: nobody could fetch it
// again.
// Without limits only images without a name go.
PruneResult prune(Store& store, const PruneOptions& options);

} // namespace image_cache
