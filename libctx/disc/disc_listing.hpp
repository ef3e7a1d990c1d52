// The files of a disc as they are found, with what is believed of them: names that are names, sizes that fit,
// and an end to it all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <ctx/base/deadline.hpp>
#include <ctx/base/error.hpp>
#include <ctx/disc_reader.hpp>

namespace ctx {

Error bad_disc(const std::filesystem::path& path, std::string why);

class DiscListing {
public:
    DiscListing(std::filesystem::path disc, std::uint64_t disc_size, const Deadline& deadline);

    // Before a directory is read; `depth` is 1 for the root. Throws Error: a directory can be its own child.
    void require_depth(std::size_t depth) const;
    // `entry.path` is the name alone, its directory's path comes from `prefix` ("a/b/"). Returns the whole.
    std::string add(const std::string& prefix, DiscEntry entry);

    std::vector<DiscEntry> take_sorted();

private:
    std::filesystem::path disc_;
    std::uint64_t disc_size_;
    Deadline deadline_;
    std::uint64_t content_size_ = 0;
    std::set<std::string> paths_;
    std::vector<DiscEntry> entries_;
};

} // namespace ctx
