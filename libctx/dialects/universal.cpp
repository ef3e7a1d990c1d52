// One disc for CernVM 2 to 4, other HEPiX guests and cloud-init. Where two of them live in one guest the
// second finds the bootstrap done. No openstack/ beside it: µCernVM would prefer that to context.sh.
#include <string_view>

#include "dialects/dialects.hpp"
#include "dialects/guest_payload.hpp"
#include "dialects/seeds.hpp"

namespace ctx {

namespace {

// cloud-init's, the only one of them that looks at it.
constexpr std::string_view label = "cidata";

} // namespace

DiscTree render_universal(const Context& context)
{
    DiscTree tree;
    tree.label = label;
    add_payload(tree, context);
    add_nocloud_seed(tree, context);
    add_hepix_seed(tree, context);
    return tree;
}

} // namespace ctx
