// One request for one address, by libcurl.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <ctx/base/deadline.hpp>
#include <ctx/base/error.hpp>
#include <image-cache/pull.hpp>

#include "http_headers.hpp"

namespace image_cache {

struct TransferRequest {
    std::string url;
    std::uint64_t offset = 0;      // from here on
    std::string if_range;          // only if this still holds, else the whole
    std::string if_none_match;     // only if it is another one than this ETag
    std::string if_modified_since; // the same by date
    bool past_caches = false;      // proxies shall ask the origin
};

// Takes what comes. All may throw, which ends the transfer and leaves transfer().
class Receiver {
public:
    Receiver() = default;
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;
    Receiver(Receiver&&) = delete;
    Receiver& operator=(Receiver&&) = delete;
    virtual ~Receiver() = default;

    // Before the first byte of a body that is one: status 200 or 206.
    virtual void begin(const ResponseHead& head) = 0;
    virtual void take(std::string_view bytes) = 0;
    // Now and then, also while nothing comes.
    virtual void still_wanted() {}
};

struct TransferFailure {
    ctx::Error error;
    bool may_pass = false; // the same request may work a little later
    std::optional<std::chrono::seconds> retry_after;
};

struct TransferEnd {
    ResponseHead head;
    std::optional<TransferFailure> failure; // also for every status but 200, 206, 304 and 416
};

TransferEnd transfer(const TransferRequest& request, const NetworkOptions& network,
                     const std::optional<ctx::Deadline>& deadline, Receiver& receiver);

// A small file, whole. Throws Error.
std::string fetch_text(const std::string& url, const NetworkOptions& network,
                       const std::optional<ctx::Deadline>& deadline, bool past_caches);

} // namespace image_cache
