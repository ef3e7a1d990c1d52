// A file has no headers: what they would say.
#pragma once

#include "transfer.hpp"

namespace image_cache {

// Status 0 if it cannot be seen; libcurl says why.
ResponseHead head_of_file(const TransferRequest& request);

} // namespace image_cache
