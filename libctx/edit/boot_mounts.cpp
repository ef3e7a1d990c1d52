#include "edit/boot_mounts.hpp"

#include <fmt/format.h>

#include <ctx/base/error.hpp>

namespace ctx {

namespace {

bool lies_in(const std::string& path, const std::string& folder)
{
    return path == folder || path.starts_with(folder + "/");
}

} // namespace

const Mount* mount_above(const Context& context, const std::string& path)
{
    if (context.share && lies_in(path, context.share->target)) return &*context.share;
    for (const Mount& mount : context.mounts)
        if (lies_in(path, mount.target)) return &mount;
    return nullptr;
}

void require_on_disk(const Context& context, const std::string& path)
{
    const Mount* mount = mount_above(context, path);
    if (mount == nullptr) return;
    throw Error(Blame::user, fmt::format("{} lies on what the guest mounts at {}", path, mount->target))
        .because("an edit of the disk would be hidden by the mount")
        .mend("put it elsewhere, or make it with a late command");
}

} // namespace ctx
