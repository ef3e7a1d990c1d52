// cloud-init's user data, the same for every data source it knows.
#pragma once

#include <string>
#include <string_view>

#include <ctx/context.hpp>

namespace ctx {

std::string cloud_config(const Context& context, std::string_view label);

} // namespace ctx
