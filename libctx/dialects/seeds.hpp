// What a dialect puts at the top of its disc, for those guests that look there; a universal disc has several.
#pragma once

#include <string_view>

#include <ctx/dialect.hpp>

namespace ctx {

// user-data, meta-data, vendor-data, network-config: cloud-init's NoCloud.
void add_nocloud_seed(DiscTree& tree, const Context& context);

// context.sh, prolog.sh, epilog.sh: HEPiX, amiconfig and the µCernVM boot loader.
enum class OpenNebula { yes, no }; // whether cloud-init, which calls context.sh so, is to hear it, too
void add_hepix_seed(DiscTree& tree, const Context& context, OpenNebula cloud_init);

} // namespace ctx
