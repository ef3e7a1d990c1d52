// The accounts a guest will have once the plan is applied: its own and those the plan makes.
#pragma once

#include <string>
#include <vector>

#include <ctx/edit_plan.hpp>
#include <ctx/guest_facts.hpp>

namespace ctx {

class Accounts {
public:
    explicit Accounts(const GuestFacts& facts) : users_(facts.users), groups_(facts.groups) {}

    const GuestAccount* user(const std::string& name) const;
    const GuestAccount* user(uid_t uid) const;
    const GuestGroup* group(const std::string& name) const;
    const GuestGroup* group(gid_t gid) const;
    void add(GuestAccount account) { users_.push_back(std::move(account)); }
    void add(GuestGroup group) { groups_.push_back(std::move(group)); }

    // Names or numbers, as a context gives them. Throws Error (user) for a name nobody has.
    edit::Numbers numbers(const Owner& owner) const;

private:
    std::vector<GuestAccount> users_;
    std::vector<GuestGroup> groups_;
};

} // namespace ctx
