// Accounts of the host, by the name service the host is configured with.
#include <cerrno>
#include <vector>

#include <grp.h>
#include <pwd.h>

#include <ctx/base/error.hpp>
#include <ctx/base/names.hpp>
#include <ctx/base/text.hpp>

#include "job.hpp"

namespace runner {

using ctx::Blame;
using ctx::Error;

namespace {

// getgrgid_r and its kin say ERANGE until the buffer is large enough.
constexpr std::size_t most_buffer = 1 << 20;

ctx::Group host_group(gid_t gid)
{
    std::vector<char> buffer(4096);
    group entry{};
    group* found = nullptr;
    while (::getgrgid_r(gid, &entry, buffer.data(), buffer.size(), &found) == ERANGE &&
           buffer.size() < most_buffer)
        buffer.resize(buffer.size() * 2);
    // A group without a name is legal on a host; the guest needs one.
    return {found != nullptr ? found->gr_name : "g" + std::to_string(gid), gid};
}

ctx::User describe(const passwd& entry)
{
    ctx::User user;
    user.name = entry.pw_name;
    user.uid = entry.pw_uid;
    user.group = host_group(entry.pw_gid);
    user.home = entry.pw_dir;
    user.shell = *entry.pw_shell == '\0' ? "/bin/sh" : entry.pw_shell;

    int count = 64;
    std::vector<gid_t> gids(static_cast<std::size_t>(count));
    while (::getgrouplist(entry.pw_name, entry.pw_gid, gids.data(), &count) < 0)
        gids.resize(static_cast<std::size_t>(count));
    gids.resize(static_cast<std::size_t>(count));
    for (const gid_t gid : gids) {
        if (gid != entry.pw_gid) user.groups.push_back(host_group(gid));
    }
    return user;
}

template <class LookUp>
std::optional<ctx::User> find(LookUp look_up)
{
    std::vector<char> buffer(4096);
    passwd entry{};
    passwd* found = nullptr;
    while (look_up(entry, buffer, found) == ERANGE && buffer.size() < most_buffer)
        buffer.resize(buffer.size() * 2);
    if (found == nullptr) return std::nullopt;
    return describe(*found);
}

} // namespace

ctx::User host_user(uid_t uid)
{
    const auto user = find([&](passwd& entry, std::vector<char>& buffer, passwd*& found) {
        return ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
    });
    if (!user)
        throw Error(Blame::user, "no account has this uid")
            .at(std::to_string(uid))
            .mend("name one with --user");
    return *user;
}

ctx::User host_user(const std::string& name)
{
    if (!ctx::is_user_name(name))
        throw Error(Blame::user, "not a user name")
            .at("'" + ctx::printable(name, 60) + "'")
            .mend("use lower-case letters, digits, '_' and '-', at most 32");
    const auto user = find([&](passwd& entry, std::vector<char>& buffer, passwd*& found) {
        return ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    });
    if (!user)
        throw Error(Blame::user, "there is no such account on this host")
            .at("'" + name + "'")
            .mend("name one that 'getent passwd' shows");
    return *user;
}

} // namespace runner
