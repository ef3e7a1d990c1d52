#include "publish_state.hpp"

#include <cerrno>
#include <cstdio>

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>

namespace runner {

namespace fs = std::filesystem;

void publish_state_directory(const fs::path& state_dir, const fs::path& run)
{
    std::error_code error;
    const fs::path link = run / state_link;
    if (fs::read_symlink(link, error) == state_dir) return;
    fs::create_directories(run.parent_path(), error);
    if (::mkdir(run.c_str(), 0755) < 0 && errno != EEXIST)
        throw ctx::system_error("cannot make a directory", run.string(), errno);
    ::chmod(run.c_str(), 0755); // whatever the hook's umask
    const fs::path temporary = run / fmt::format(".{}.{}", state_link, ::getpid());
    fs::remove(temporary, error);
    if (::symlink(state_dir.c_str(), temporary.c_str()) < 0 || ::rename(temporary.c_str(), link.c_str()) < 0)
        throw ctx::system_error("cannot make the link to the state directory", link.string(), errno);
}

} // namespace runner
