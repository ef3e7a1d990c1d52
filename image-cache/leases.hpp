// Who stands on an image: an empty file per holder, CACHE/leases/<hex>/JOB. Its time says since when.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "layout.hpp"

namespace image_cache {

// Throws Error (user) unless `holder` can be a job's id.
void check_holder(std::string_view holder);

// Both of these under the cache's lock.
void add_lease(const Layout& layout, std::string_view digest, std::string_view holder);
void drop_lease(const Layout& layout, std::string_view digest, std::string_view holder);

bool has_lease(const Layout& layout, std::string_view digest, std::string_view holder);
std::vector<std::string> lease_holders(const Layout& layout, std::string_view digest);

} // namespace image_cache
