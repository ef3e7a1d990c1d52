// What of a request is in the cache already.
#pragma once

#include <optional>
#include <string>

#include <image-cache/pull.hpp>

#include "../layout.hpp"
#include "../verify/hash.hpp"

namespace image_cache {

// What the request asks of an image besides its address: whose word, by which keys. "" if nothing.
std::string demand_of(const PullRequest& request);

// A hit gets the name that is asked for, and counts as used.
class Known {
public:
    Known(const Layout& layout, const PullRequest& request) : layout_(layout), request_(request) {}

    // The file with this checksum, wherever it came from.
    std::optional<Pulled> by_checksum(const std::optional<Checksum>& checksum) const;
    // What the address gave last, if that was proved as it would be now.
    std::optional<Pulled> by_address() const;

private:
    std::optional<Pulled> by_digest(const std::string& digest) const;
    void point_name(const Image& image) const;

    const Layout& layout_;
    const PullRequest& request_;
};

} // namespace image_cache
