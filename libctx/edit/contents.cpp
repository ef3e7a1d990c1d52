// Directories, archives, files: what a job finds in its guest.
#include <variant>

#include <fmt/format.h>

#include <ctx/base/error.hpp>

#include "dialects/mount_above.hpp"
#include "edit/plan_parts.hpp"

namespace ctx {

namespace {

void require_on_disk(const Context& context, const std::string& path)
{
    const Mount* mount = mount_above(context, path);
    if (mount == nullptr) return;
    throw Error(Blame::user, fmt::format("{} lies on what the guest mounts at {}", path, mount->target))
        .because("an edit of the disk would be hidden by the mount")
        .mend("put it elsewhere, or make it with a late command");
}

} // namespace

void plan_contents(EditPlan& plan, const Context& context, const GuestFacts& facts, const Accounts& accounts)
{
    for (const Directory& directory : context.directories) {
        require_on_disk(context, directory.path);
        add(plan, "directory",
            edit::MakeDirectory{directory.path, directory.mode, accounts.numbers(directory.owner)});
    }
    for (const Archive& archive : context.archives) {
        require_on_disk(context, archive.to);
        edit::Unpack unpack{archive.source, archive.to, std::nullopt};
        if (archive.owner) unpack.owner = accounts.numbers(*archive.owner);
        add(plan, "archive", std::move(unpack));
    }
    // After the archives: a single file may replace a member.
    for (const File& file : context.files) {
        require_on_disk(context, file.path);
        const auto found = facts.files.find(file.path);
        if (found != facts.files.end() && found->second.entry.kind == GuestEntry::Kind::directory)
            throw Error(Blame::user, "there is a directory where a file is to be").at(file.path);
        edit::WriteFile write{file.path, file.content.value_or(""), file.mode, accounts.numbers(file.owner)};
        if (file.source) write.content = *file.source;
        // A job's own files may hold what is nobody else's business.
        write.secret = (file.mode & 0077) == 0;
        add(plan, "file", std::move(write));
    }
}

} // namespace ctx
