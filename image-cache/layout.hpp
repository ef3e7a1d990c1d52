// Where things lie in a cache directory, and what the names there mean.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <image-cache/store.hpp>

namespace image_cache {

struct Layout {
    std::filesystem::path root;

    std::filesystem::path images() const { return root / "images"; }
    std::filesystem::path aliases() const { return root / "aliases"; }
    std::filesystem::path leases() const { return root / "leases"; }
    std::filesystem::path downloads() const { return root / "downloads"; }
    std::filesystem::path sources() const { return root / "sources"; }
    std::filesystem::path lock() const { return root / "lock"; }
    std::filesystem::path download_lock(std::string_view key) const;
    std::filesystem::path source(std::string_view key) const;
    std::filesystem::path image(std::string_view digest, Format format) const;
    std::filesystem::path metadata(std::string_view digest) const;
    std::filesystem::path alias(std::string_view name) const;
    std::filesystem::path leases_of(std::string_view digest) const;

    // Makes the folders that are not there, open to read for everybody: QEMU's user reads the images.
    void make() const;
};

// 64 lower-case hexadecimal digits.
bool is_digest(std::string_view text);
bool is_hexadecimal(std::string_view text);

// "sha256:AB…", "ab…" → "ab…". Throws Error (user) if it is no digest.
std::string parse_digest(std::string_view text);

struct ImageFile {
    std::string digest;
    Format format = Format::raw;
};
// The meaning of a file's name in images/, if it is an image's.
std::optional<ImageFile> parse_image_name(std::string_view name);

// The names in a folder, sorted; none if there is no such folder.
std::vector<std::string> entries(const std::filesystem::path& folder);

// Throws Error (user) unless it can be an alias.
void check_alias(std::string_view alias);

} // namespace image_cache
