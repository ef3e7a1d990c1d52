#pragma once

#include <string>
#include <string_view>

namespace ctx {

// RFC 4648 with padding, on one line.
std::string base64(std::string_view data);

} // namespace ctx
