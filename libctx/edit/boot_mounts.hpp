// What the guest mounts at its boot hides what an edit put at the same place.
#pragma once

#include <string>

#include <ctx/context.hpp>

namespace ctx {

// The context's mount that this path is at or below; null if it lies on the guest's own disk.
const Mount* mount_above(const Context& context, const std::string& path);

// Throws Error (user) for a path that an edit cannot reach.
void require_on_disk(const Context& context, const std::string& path);

} // namespace ctx
