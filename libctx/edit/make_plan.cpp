#include <ctx/edit_plan.hpp>

#include "boot/plan_boot.hpp"
#include "edit/plan_parts.hpp"
#include "edit/resets.hpp"
#include "network/plan_network.hpp"
#include "services/plan_services.hpp"

namespace ctx {

const std::string& edit_path(const EditAction& action)
{
    static const std::string none;
    return std::visit(
        [](const auto& one) -> const std::string& {
            if constexpr (requires { one.path; })
                return one.path;
            else if constexpr (requires { one.to; })
                return one.to;
            else
                return none;
        },
        action);
}

EditPlan make_plan(const Context& context, const GuestFacts& facts, const PlanOptions& options)
{
    EditPlan plan;
    Accounts accounts(facts);
    plan_resets(plan, facts);
    plan_cloud_init(plan, facts, options.cloud_init);
    plan_network(plan, context, facts);
    plan_hostname(plan, context, facts);
    plan_accounts(plan, context, facts, accounts);
    plan_ssh(plan, context, facts);
    plan_contents(plan, context, facts, accounts);
    plan_environment(plan, context);
    plan_boot(plan, context, facts);
    plan_services(plan, context, facts);
    if (!facts.selinux_policy.empty() && !plan.empty())
        add(plan, "SELinux policy " + facts.selinux_policy, edit::Relabel{});
    return plan;
}

} // namespace ctx
