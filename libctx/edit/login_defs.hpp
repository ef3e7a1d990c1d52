// What the guest's own useradd would take from /etc/login.defs.
#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

namespace ctx {

// The value of a key, "" if it is not set. The last one counts.
std::string login_definition(std::string_view login_defs, std::string_view key);

// The mode of a new home: HOME_MODE or, before there was that, what UMASK leaves.
mode_t home_mode(std::string_view login_defs);

} // namespace ctx
