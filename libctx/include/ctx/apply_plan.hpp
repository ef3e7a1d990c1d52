// Applies an edit plan to a guest tree.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <ctx/edit_plan.hpp>
#include <ctx/guest_tree.hpp>

namespace ctx {

struct ApplyHooks {
    // Unpacks an archive into the tree: given by who links libarchive (unpack.hpp). Without it a plan with
    // archives is refused before anything is done.
    std::function<void(GuestTree&, const edit::Unpack&)> unpack;
    // Labels these paths of the tree and what is in them. False: the guest relabels itself at its first boot.
    std::function<bool(GuestTree&, const std::vector<std::string>& paths)> relabel;
};

// In the plan's order. Throws Error with the edit's reason as context. Does not close the tree.
void apply_plan(const EditPlan& plan, GuestTree& tree, const ApplyHooks& hooks = {});

} // namespace ctx
