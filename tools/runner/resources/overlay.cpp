#include "overlay.hpp"

#include <cerrno>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

#include <ctx/base/error.hpp>
#include <ctx/base/process.hpp>

namespace runner {

void make_overlay(const std::filesystem::path& path, const image_cache::Image& base, uid_t uid, gid_t gid,
                  const ctx::Deadline& deadline)
{
    // Both formats are said: QEMU must not guess one from what a guest or an image maker wrote.
    ctx::run_checked(
        {.argv = {"/usr/bin/qemu-img", "create", "-q", "-f", "qcow2", "-F",
                  std::string(image_cache::to_string(base.format)), "-b", base.path.string(), path.string()},
         .own_session = true},
        deadline);
    if (::chmod(path.c_str(), 0600) < 0 || ::lchown(path.c_str(), uid, gid) < 0)
        throw ctx::system_error("cannot give the overlay to QEMU's user", path.string(), errno);
}

} // namespace runner
