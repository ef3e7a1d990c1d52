// What is in a context's archives, looked at on the host: guests unpack them as root.
#pragma once

#include <ctx/base/deadline.hpp>
#include <ctx/context.hpp>

namespace ctx {

// Throws Error (user) for what is no tar archive or ends too early, and for members that would not stay below
// the archive's place: absolute ones, "..", links to such, members behind a link of the same archive. A
// timeout if all cannot be read before the deadline.
void check_archives(const Context& context, const Deadline& deadline);

} // namespace ctx
