// A path within a guest, with every link in it followed as that guest would.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <ctx/guest_tree.hpp>

namespace ctx {

// Given a path whose directories are no links: what is there, itself no link's target.
using LookUp = std::function<std::optional<GuestEntry>(const std::string& path)>;

// What is not there is taken for itself. Throws Error (user) for too many links, and what `look_up` throws.
std::string follow_links(const std::string& path, const LookUp& look_up);

} // namespace ctx
