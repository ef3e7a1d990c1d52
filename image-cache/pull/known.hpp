// What of a request is in the cache already, and what is to be known of it from now on.
#pragma once

#include <optional>
#include <string>

#include <image-cache/pull.hpp>

#include "../layout.hpp"
#include "../transfer/http_headers.hpp"
#include "../verify/hash.hpp"
#include "intake.hpp"
#include "source_records.hpp"

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

    // What this very file, packed or another program's, was made into, by whatever address it came then:
    // nothing is converted twice.
    std::optional<Pulled> by_content(const Arrival& arrival) const;

    // Which image the first address, and the file itself, have become. `url` gave it, `verified` as in
    // PullReport.
    void remember_address(const std::string& image, const ResponseHead& head, const std::string& url,
                          const std::string& verified) const;
    void remember_file(const std::string& image, const Arrival& arrival, const std::string& url,
                       const std::string& verified) const;

private:
    SourceRecord record_of(const std::string& image, const std::string& url,
                           const std::string& verified) const;
    std::optional<Pulled> by_digest(const std::string& digest) const;
    void point_name(const Image& image) const;

    const Layout& layout_;
    const PullRequest& request_;
};

} // namespace image_cache
