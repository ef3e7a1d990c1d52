// The shell text that runs inside guests. It lives in files of its own, which shell linters read, and is
// compiled in.
#pragma once

#include <string_view>

namespace ctx {

extern const std::string_view bootstrap_functions; // bootstrap.sh
extern const std::string_view setup_functions;     // setup.sh

} // namespace ctx
