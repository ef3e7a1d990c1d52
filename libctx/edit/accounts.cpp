#include "edit/accounts.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include <ctx/base/error.hpp>

namespace ctx {

namespace {

std::optional<std::uint32_t> as_number(const std::string& text)
{
    std::uint32_t value = 0;
    const char* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value);
    if (text.empty() || result.ec != std::errc() || result.ptr != end) return std::nullopt;
    return value;
}

template <class List, class Key, class Member>
auto find_in(const List& list, const Key& key, Member member)
{
    const auto found = std::ranges::find(list, key, member);
    return found == list.end() ? nullptr : &*found;
}

Error unknown(const char* what, const std::string& name)
{
    return Error(Blame::user, fmt::format("there is no {} '{}' to own a file", what, name))
        .because("neither the image nor the context has one")
        .mend("name one that is there, or add a [[user]] to the context");
}

} // namespace

const GuestAccount* Accounts::user(const std::string& name) const
{
    return find_in(users_, name, &GuestAccount::name);
}

const GuestAccount* Accounts::user(uid_t uid) const
{
    return find_in(users_, uid, &GuestAccount::uid);
}

const GuestGroup* Accounts::group(const std::string& name) const
{
    return find_in(groups_, name, &GuestGroup::name);
}

const GuestGroup* Accounts::group(gid_t gid) const
{
    return find_in(groups_, gid, &GuestGroup::gid);
}

edit::Numbers Accounts::numbers(const Owner& owner) const
{
    edit::Numbers result;
    // As chown(1): a name that is a number is looked for as a name first.
    if (const GuestAccount* found = user(owner.user))
        result.uid = found->uid;
    else if (owner.user != "root") {
        const auto uid = as_number(owner.user);
        if (!uid) throw unknown("user", owner.user);
        result.uid = *uid;
    }
    if (const GuestGroup* found = group(owner.group))
        result.gid = found->gid;
    else if (owner.group != "root") {
        const auto gid = as_number(owner.group);
        if (!gid) throw unknown("group", owner.group);
        result.gid = *gid;
    }
    return result;
}

} // namespace ctx
