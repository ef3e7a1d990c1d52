#include "dialects/mount_above.hpp"

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

} // namespace ctx
