// A context's archives, looked at before a guest unpacks them as root.
#pragma once

#include <ctx/base/deadline.hpp>
#include <ctx/context.hpp>

#include "../install_paths.hpp"

namespace runner {

// Throws Error (user) for an archive that is none, or with members that would not stay below its place.
void check_archives(const ctx::Context& context, const InstallPaths& paths, const ctx::Deadline& deadline);

} // namespace runner
