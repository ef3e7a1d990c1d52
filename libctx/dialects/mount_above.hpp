// What lies on a file system that the guest mounts at its boot.
#pragma once

#include <string>

#include <ctx/context.hpp>

namespace ctx {

// The context's mount that this path is at or below; null if it lies on the guest's own disk.
const Mount* mount_above(const Context& context, const std::string& path);

} // namespace ctx
