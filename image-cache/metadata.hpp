// What is known of an image beside its bytes: CACHE/images/sha256-<hex>.json.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <image-cache/pull.hpp>

#include "layout.hpp"

namespace image_cache {

struct Metadata {
    Format format = Format::raw;
    std::uint64_t file_size = 0;
    std::uint64_t virtual_size = 0;
    std::int64_t imported = 0; // seconds since 1970
    std::string source;
    std::optional<PullReport> pull; // if it was pulled
};

// Nothing if there is none. Throws Error (node) if it is damaged.
std::optional<Metadata> read_metadata(const Layout& layout, std::string_view digest);
void write_metadata(const Layout& layout, std::string_view digest, const Metadata& metadata);

// That an image is used: its record's time says when that was last. Where nobody may write it stays as it is.
void touch(const Layout& layout, std::string_view digest);
std::int64_t last_used(const Layout& layout, std::string_view digest); // 0 if there is no record

// What the image's file itself shows, where its metadata are lost.
Metadata derive_metadata(const Layout& layout, const ImageFile& image);

} // namespace image_cache
