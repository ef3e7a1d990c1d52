// From what came to what may be published.
#pragma once

#include <string>

#include <image-cache/inspect_file.hpp>

#include "../convert/convert.hpp"
#include "intake.hpp"
#include "part_file.hpp"

namespace image_cache {

// The disk itself: what was unpacked, or the part.
Incoming unpublished(PartFile& part, Arrival& arrival);

// Looked into, on disk. Throws Error for what must not be used.
Inspected make_fit(const Incoming& incoming, const PullRequest& request, const std::string& url);

} // namespace image_cache
