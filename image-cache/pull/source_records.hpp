// Which image a file somewhere became: CACHE/sources/KEY.json, by its address and by its digests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <image-cache/pull.hpp>

#include "../layout.hpp"
#include "../verify/hash.hpp"

namespace image_cache {

struct SourceRecord {
    std::string image; // its digest
    std::string url;
    std::string etag;
    std::string last_modified;
    std::int64_t checked = 0; // when the server last said so; seconds since 1970
    std::string format;       // that was asked for, or ""
    std::string verified;     // as in PullReport
    std::string demand;       // what was asked of it: demand_of()
};

// Names of files: "sha256-<hex>", "url-<sha256 of the address>".
std::string key_of(const Checksum& checksum);
std::string key_of_url(std::string_view url);

// Nothing also where a record is damaged: it is only a memory of what can be asked again.
std::optional<SourceRecord> read_source(const Layout& layout, const std::string& key);
void write_source(const Layout& layout, const std::string& key, const SourceRecord& record);

// Removes the records of images that are no more.
void drop_sources_of(const Layout& layout, std::string_view digest);

} // namespace image_cache
