// A guest tree that is a plain directory of this host: containers, and tests.
#pragma once

#include <filesystem>
#include <memory>

#include <ctx/guest_tree.hpp>

namespace ctx {

// The kernel keeps every look-up below the directory (openat2, RESOLVE_IN_ROOT), also while somebody else
// swaps its entries for links. Owners can be set by root alone. Throws Error: user if there is no such
// directory, node for a kernel without openat2 (before 5.6).
std::unique_ptr<GuestTree> open_dir_tree(const std::filesystem::path& root);

} // namespace ctx
