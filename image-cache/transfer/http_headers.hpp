// What the headers of an answer say. Pure: the server's words are hostile.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace image_cache {

struct ContentRange {
    std::optional<std::uint64_t> first; // nothing: "*", no range could be given
    std::uint64_t last = 0;
    std::optional<std::uint64_t> total;
};
// "bytes 100-199/200", "bytes 0-9/*", "bytes */200"
std::optional<ContentRange> parse_content_range(std::string_view value);

struct ResponseHead {
    int status = 0; // of HTTP; 200 for a file
    std::string final_url;
    std::optional<std::uint64_t> length; // of this answer's body
    std::optional<ContentRange> range;
    std::string etag;
    std::string last_modified;
    std::string content_type;
    std::string retry_after;

    // Reads one header line; a status line begins anew, as after a redirect.
    void take_line(std::string_view line);

    // How long the whole file is.
    std::optional<std::uint64_t> total() const;
    // What proves a file to be the same one byte for byte: a strong ETag, else the date. Or "".
    std::string validator() const;
};

// "120" or an HTTP date (`date` turns one into seconds since 1970, or -1), as seconds from `now` on; at least
// 0.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view value, std::int64_t now,
                                                      std::int64_t (*date)(const char*));

} // namespace image_cache
