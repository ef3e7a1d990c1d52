// A disc's files as a medium's.
#pragma once

#include <ctx/check/machine.hpp>
#include <ctx/disc_reader.hpp>

namespace ctx::check {

// Names as Linux shows them, and the content of those that a guest may look for; larger than 1 MiB they come
// without it. Throws Error (user) for a damaged disc.
void add_files(Medium& medium, const DiscReader& disc);

} // namespace ctx::check
