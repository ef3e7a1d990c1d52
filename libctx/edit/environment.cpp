// Variables of login shells.
#include "dialects/guest_payload.hpp"
#include "edit/plan_parts.hpp"

namespace ctx {

void plan_environment(EditPlan& plan, const Context& context)
{
    if (context.environment.empty()) return;
    add(plan, "environment", edit::WriteFile{"/etc/profile.d/vmbatch.sh", environment_script(context)});
}

} // namespace ctx
