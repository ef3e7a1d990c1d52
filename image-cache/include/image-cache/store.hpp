// The image cache: images as published, immutable, named by their content, with aliases.
//
//   CACHE/images/sha256-<hex>.<raw|qcow2>    0444, never changed after the rename that published it
//   CACHE/images/sha256-<hex>.json           what is known of it (schema 1)
//   CACHE/aliases/NAME.json                  the digest a name stands for, with its history
//   CACHE/leases/<hex>/JOB                   who needs an image now: never removed under a job
//   CACHE/downloads/                         what is being fetched, and what is left of what was not
//   CACHE/sources/KEY.json                   which image a file somewhere became
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ctx/base/error.hpp>

namespace image_cache {

enum class Format { raw, qcow2 };
std::string_view to_string(Format format);

struct Image {
    std::string digest; // sha256 of the file, 64 hexadecimal digits
    Format format = Format::raw;
    std::filesystem::path path;
    std::uint64_t file_size = 0;    // bytes as read
    std::uint64_t disk_usage = 0;   // bytes on disk, holes not counted
    std::uint64_t virtual_size = 0; // what the guest sees
    std::int64_t imported = 0;      // seconds since 1970
    std::string source;             // where it came from
    std::vector<std::string> aliases;
    std::int64_t used = 0; // when last, as far as that is known; seconds since 1970
};

struct Progress {
    std::string_view stage; // "copy", "hash", "fetch", "wait", "verify", "convert"
    std::uint64_t done = 0;
    std::uint64_t total = 0;
};
using ProgressFunction = std::function<void(const Progress&)>;

struct ImportOptions {
    std::string alias;            // or ""
    std::optional<Format> format; // nothing: known by the qcow2 magic at its beginning, else raw
    std::optional<std::string> expected_digest;
    ProgressFunction progress;
};

struct Imported {
    Image image;
    bool was_cached = false; // its content was in the cache already
};

// What a name stood for, from when on.
struct AliasStep {
    std::string digest;
    std::int64_t since = 0; // seconds since 1970
};

class Store {
public:
    // Makes the folders when something is first written; reading works on a read-only file system.
    explicit Store(std::filesystem::path cache_dir);

    // Brings a local file in: copied (reflink, else copy_file_range, else read and write; holes stay holes),
    // hashed, inspected, fsynced, published by rename. The same content again only adds the alias; a file
    // that is unchanged since its import under this alias is not even read. Refuses a qcow2 that names a
    // backing file or data file or has unknown features: it could show a host's file.
    Imported import(const std::filesystem::path& file, const ImportOptions& options);

    // By alias, full digest ("sha256:…" or bare) or an unambiguous prefix of at least 8 digits.
    // Throws Error (user) with the nearest alias if there is none.
    Image find(std::string_view name) const;
    // All of them. One whose metadata is missing or damaged is here with what its file shows.
    std::vector<Image> list() const;
    // What in the cache cannot be read, an error for each, with its remedy.
    std::vector<ctx::Error> damage() const;
    // What a name stands for and stood for, newest first.
    std::vector<AliasStep> history(std::string_view alias) const;

    // Hashes the file again. Throws Error (node) with both digests if it is no longer what it was.
    void verify(const Image& image, const ProgressFunction& progress = {}) const;

    // With all its aliases. Refused (Error, user) while leased.
    void remove(const Image& image);
    void remove_alias(std::string_view alias);

    // A lease says `holder` (a job's id) stands on this image. Both calls may be repeated. lease() fails
    // (Error, node) if the image was removed meanwhile: the lease is written first, then the image is looked
    // at. `alive` is a directory that is there as long as the holder is: prune() then finds out leases of the
    // dead.
    void lease(const Image& image, std::string_view holder, const std::filesystem::path& alive = {});
    void release(std::string_view digest, std::string_view holder);
    std::vector<std::string> holders(std::string_view digest) const;
    // Releases what holders of this host had that are no more, by their `alive`. Returns whose leases they
    // were.
    std::vector<std::string> release_dead();

    const std::filesystem::path& cache_dir() const { return cache_dir_; }

private:
    std::filesystem::path cache_dir_;
};

} // namespace image_cache
