// Who stands on an image: a file per holder, CACHE/leases/<hex>/JOB. Its time says since when; its two lines,
// on which host and which directory there is as long as the holder is.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "layout.hpp"

namespace image_cache {

// Throws Error (user) unless `holder` can be a job's id.
void check_holder(std::string_view holder);

// Both of these under the cache's lock.
void add_lease(const Layout& layout, std::string_view digest, std::string_view holder,
               const std::filesystem::path& alive);
void drop_lease(const Layout& layout, std::string_view digest, std::string_view holder);

bool has_lease(const Layout& layout, std::string_view digest, std::string_view holder);
std::vector<std::string> lease_holders(const Layout& layout, std::string_view digest);

// Whether the holder is known to be no more: it was on this host and its directory is gone. Of other hosts'
// nobody can say so here.
bool is_dead(const Layout& layout, std::string_view digest, std::string_view holder);

} // namespace image_cache
