// The names of images: CACHE/aliases/NAME.json says what a name stands for, stood for, and which file it was.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "layout.hpp"

namespace image_cache {

// A file as it was when it was read: as long as all of this is the same, so is its content.
struct Fingerprint {
    std::string path;
    std::uint64_t size = 0;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t modified = 0; // nanoseconds since 1970
    std::int64_t changed = 0;  // the same for ctime, which nobody can set

    bool operator==(const Fingerprint&) const = default;
};

struct Alias {
    std::string name;
    AliasStep now;
    std::optional<Fingerprint> source;
    std::vector<AliasStep> before; // newest first
};

// Nothing if there is none. Throws Error (node) if it is damaged.
std::optional<Alias> read_alias(const Layout& layout, std::string_view name);
// Those that can be read, by name.
std::vector<Alias> read_aliases(const Layout& layout);
std::vector<std::string> alias_names(const Layout& layout);

// Lets a name stand for an image from now on. Under the cache's lock.
void point_alias(const Layout& layout, std::string_view name, std::string_view digest,
                 const std::optional<Fingerprint>& source);
void drop_alias(const Layout& layout, std::string_view name);

} // namespace image_cache
