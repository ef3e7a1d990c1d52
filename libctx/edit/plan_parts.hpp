// The parts of a plan, one file each. Each appends its edits; make_plan() has their order.
#pragma once

#include <string>
#include <utility>

#include <ctx/edit_plan.hpp>

#include "edit/accounts.hpp"

namespace ctx {

template <class Action>
void add(EditPlan& plan, std::string reason, Action action)
{
    plan.push_back({std::move(action), std::move(reason)});
}

// Makes the users and groups, and learns their numbers for those who give files away.
void plan_accounts(EditPlan& plan, const Context& context, const GuestFacts& facts, Accounts& accounts);
void plan_hostname(EditPlan& plan, const Context& context, const GuestFacts& facts);
void plan_ssh(EditPlan& plan, const Context& context, const GuestFacts& facts);
void plan_contents(EditPlan& plan, const Context& context, const GuestFacts& facts, const Accounts& accounts);
void plan_environment(EditPlan& plan, const Context& context);
void plan_cloud_init(EditPlan& plan, const GuestFacts& facts, CloudInit what);

} // namespace ctx
