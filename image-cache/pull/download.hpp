// One file from one address, whole: goes on after interruptions, its own and those of others before it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "../transfer/transfer.hpp"
#include "intake.hpp"
#include "source_records.hpp"

namespace image_cache {

struct DownloadTask {
    std::string url;
    const PullRequest& request;
    IntakeOptions intake;
    bool has_digest = false;           // its bytes are proved in the end, wherever they came from
    std::optional<SourceRecord> known; // ask only for what is not this
    bool past_caches = false;
};

struct DownloadResult {
    std::optional<Arrival> arrival; // nothing: it is still the one that is known
    ResponseHead head;
    std::uint64_t resumed = 0; // bytes that were here before
};

// Throws Error; what came is kept in the part.
DownloadResult download(PartFile& part, const DownloadTask& task);

} // namespace image_cache
