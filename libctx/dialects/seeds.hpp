// What a dialect puts at the top of its disc, for those guests that look there; a universal disc has several.
#pragma once

#include <string_view>

#include <ctx/dialect.hpp>

namespace ctx {

// user-data, meta-data, vendor-data, network-config: cloud-init's NoCloud.
void add_nocloud_seed(DiscTree& tree, const Context& context);

// context.sh, prolog.sh, epilog.sh: HEPiX, amiconfig, the µCernVM boot loader, and cloud-init's OpenNebula.
void add_hepix_seed(DiscTree& tree, const Context& context);

} // namespace ctx
