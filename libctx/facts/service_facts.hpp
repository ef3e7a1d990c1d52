// The files that say how a guest's services are started: of those that are asked for, their contents.
#pragma once

#include <string>
#include <vector>

#include "facts/snapshot.hpp"

namespace ctx {

void take_services(SnapshotTaker& look, GuestFacts& facts, const std::vector<std::string>& names);

} // namespace ctx
