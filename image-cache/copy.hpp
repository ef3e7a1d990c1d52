// Bringing a file's bytes into the cache and knowing their digest, as fast as the file systems allow.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <image-cache/store.hpp>

#include "file_bytes.hpp"

namespace image_cache {

// Passes progress on, ten times a second at most; the beginning and the end always.
class Ticker {
public:
    Ticker(const ProgressFunction& report, std::string_view stage, std::uint64_t total);
    void advance(std::uint64_t count);

private:
    const ProgressFunction& report_;
    Progress progress_;
    std::chrono::steady_clock::time_point next_;
};

// `clone`: the file systems share the blocks. `kernel`: copy_file_range of each part that is no hole. `user`:
// read and write, blocks of zeros becoming holes.
enum class CopyWay { clone, kernel, user };

// Copies `size` bytes into the empty file `to`, holes staying holes, by the first way that works from `way`
// on. The digest (64 hexadecimal digits) is of what is in `to` then. Throws Error: reading is the user's to
// mend, writing the node's.
std::string copy_and_hash(const NamedFd& from, const NamedFd& to, std::uint64_t size,
                          const ProgressFunction& report, CopyWay way = CopyWay::clone);

// The digest of a whole file; holes are not read. Throws Error (node).
std::string hash_file(const NamedFd& file, std::uint64_t size, const ProgressFunction& report);

} // namespace image_cache
