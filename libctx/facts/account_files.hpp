// passwd and group, read as the C library reads them: a line that is none is passed over.
#pragma once

#include <string_view>
#include <vector>

#include <ctx/guest_facts.hpp>

namespace ctx {

std::vector<GuestAccount> parse_passwd(std::string_view text);
std::vector<GuestGroup> parse_group(std::string_view text);

} // namespace ctx
