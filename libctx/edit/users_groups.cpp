// passwd, group, shadow, gshadow, and the home from /etc/skel: what groupadd and useradd would do.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

#include "dialects/mount_above.hpp"
#include "edit/login_defs.hpp"
#include "edit/plan_parts.hpp"

namespace ctx {

namespace {

Error taken(std::string problem, std::string remedy)
{
    return Error(Blame::user, std::move(problem)).mend(std::move(remedy));
}

std::string one_colon_line(const std::vector<std::string>& fields)
{
    return join(fields, ":");
}

// Members to be added to groups that are there.
using NewMembers = std::map<std::string, std::vector<std::string>>;

class AccountPlanner {
public:
    AccountPlanner(EditPlan& plan, const Context& context, const GuestFacts& facts, Accounts& accounts)
        : plan_(plan), context_(context), facts_(facts), accounts_(accounts)
    {
    }

    void plan()
    {
        for (const User& user : context_.users) {
            if (user.uid == 0) continue; // root, for its keys
            ensure_group(user.group);
            for (const Group& group : user.groups) ensure_group(group);
            ensure_user(user);
        }
        // The groups last: who their new members are is known only now.
        for (const auto& [group, members] : made_) write_group(group, members);
        if (!joined_.empty()) {
            write_members("/etc/group", group_members_field, false);
            write_members("/etc/gshadow", group_members_field, true);
        }
    }

private:
    static constexpr std::size_t group_members_field = 3; // of gshadow, too

    void ensure_group(const Group& group)
    {
        if (const GuestGroup* found = accounts_.group(group.name)) {
            if (found->gid != group.gid)
                throw taken(fmt::format("group {} has gid {} in this image, and {} is asked for", group.name,
                                        found->gid, group.gid),
                            "ask for the image's gid, or for another name");
            return;
        }
        // A gid that has another name is used under that: files carry numbers.
        if (accounts_.group(group.gid) != nullptr) return;
        accounts_.add(GuestGroup{group.name, group.gid, {}});
        made_.push_back({{group.name, group.gid, {}}, {}});
    }

    void ensure_user(const User& user)
    {
        if (const GuestAccount* found = accounts_.user(user.name)) {
            if (found->uid != user.uid)
                throw taken(fmt::format("user {} has uid {} in this image, and {} is asked for", user.name,
                                        found->uid, user.uid),
                            "ask for the image's uid, or for another name");
        } else {
            if (const GuestAccount* other = accounts_.user(user.uid))
                throw taken(fmt::format("uid {}, asked for {}, belongs to {} in this image", user.uid,
                                        user.name, printable(other->name)),
                            "ask for another uid, or use the image's own account");
            make_user(user);
        }
        for (const Group& group : user.groups)
            if (group.gid != user.group.gid) join_group(user.name, *accounts_.group(group.gid));
    }

    void make_user(const User& user)
    {
        const std::string reason = "user " + user.name;
        const bool has_shadow = facts_.has("/etc/shadow");
        if ((user.home + user.shell).find(':') != std::string::npos)
            throw taken(fmt::format("the home or shell of {} has a colon", user.name), "name another");
        const std::string shell = facts_.has(user.shell) ? user.shell : "/bin/sh";
        add(plan_,
            shell == user.shell ? reason : fmt::format("{}; {} is not in this image", reason, user.shell),
            edit::AppendLine{"/etc/passwd",
                             one_colon_line({user.name, has_shadow ? "x" : "*", fmt::format("{}", user.uid),
                                             fmt::format("{}", user.group.gid), "", user.home, shell})});
        // "*" is no password and, unlike "!", no lock. No date of the last change: passwords that are none do
        // not age.
        if (has_shadow)
            add(plan_, reason,
                edit::AppendLine{"/etc/shadow",
                                 one_colon_line({user.name, "*", "", "0", "99999", "7", "", "", ""}), true});
        accounts_.add(GuestAccount{user.name, user.uid, user.group.gid, user.home, shell});
        make_home(user);
    }

    void make_home(const User& user)
    {
        const edit::Numbers owner{user.uid, user.group.gid};
        if (facts_.has(user.home) || mount_above(context_, user.home) != nullptr) return;
        const std::string reason = "home of " + user.name;
        add(plan_, reason, edit::MakeDirectory{user.home, home_mode(facts_.text("/etc/login.defs")), owner});
        const std::string skeleton = "/etc/skel/";
        for (auto file = facts_.files.lower_bound(skeleton);
             file != facts_.files.end() && file->first.starts_with(skeleton); ++file) {
            const GuestEntry& entry = file->second.entry;
            const std::string path = user.home + "/" + file->first.substr(skeleton.size());
            if (entry.kind == GuestEntry::Kind::directory)
                add(plan_, reason, edit::MakeDirectory{path, entry.mode, owner});
            else if (entry.kind == GuestEntry::Kind::file)
                add(plan_, reason, edit::WriteFile{path, file->second.content, entry.mode, owner});
            else if (entry.kind == GuestEntry::Kind::link) {
                add(plan_, reason, edit::MakeSymlink{path, entry.target});
                add(plan_, reason, edit::SetOwner{path, owner});
            }
        }
    }

    void join_group(const std::string& user, const GuestGroup& group)
    {
        for (auto& [made, members] : made_) {
            if (made.gid != group.gid) continue;
            members.push_back(user);
            return;
        }
        if (std::ranges::find(group.members, user) == group.members.end())
            joined_[group.name].push_back(user);
    }

    void write_group(const GuestGroup& group, const std::vector<std::string>& members)
    {
        const std::string reason = "group " + group.name;
        const bool has_shadow = facts_.has("/etc/gshadow");
        add(plan_, reason,
            edit::AppendLine{"/etc/group", one_colon_line({group.name, "x", fmt::format("{}", group.gid),
                                                           join(members, ",")})});
        if (has_shadow)
            add(plan_, reason,
                edit::AppendLine{"/etc/gshadow", one_colon_line({group.name, "!", "", join(members, ",")}),
                                 true});
    }

    // A group that is there gets members: its line changes, every other stays byte for byte.
    void write_members(const std::string& path, std::size_t field, bool secret)
    {
        if (!facts_.has(path)) return;
        std::vector<std::string> lines = split(facts_.text(path), '\n');
        std::vector<std::string> who;
        for (std::string& line : lines) {
            std::vector<std::string> fields = split(line, ':');
            if (fields.size() != field + 1) continue;
            const auto found = joined_.find(fields[0]);
            if (found == joined_.end()) continue;
            for (const std::string& user : found->second) {
                fields[field] += (fields[field].empty() ? "" : ",") + user;
                who.push_back(user + " in " + found->first);
            }
            line = one_colon_line(fields);
        }
        if (who.empty()) return;
        edit::WriteFile change{path, join(lines, "\n")};
        change.secret = secret;
        change.keep_attributes = true;
        // Before the groups that the plan appends: this is made from the file as it was.
        plan_.insert(plan_.begin(), {std::move(change), join(who, ", ")});
    }

    EditPlan& plan_;
    const Context& context_;
    const GuestFacts& facts_;
    Accounts& accounts_;
    std::vector<std::pair<GuestGroup, std::vector<std::string>>> made_;
    NewMembers joined_;
};

} // namespace

void plan_accounts(EditPlan& plan, const Context& context, const GuestFacts& facts, Accounts& accounts)
{
    EditPlan own;
    AccountPlanner(own, context, facts, accounts).plan();
    plan.insert(plan.end(), own.begin(), own.end());
}

} // namespace ctx
