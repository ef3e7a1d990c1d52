#include "temporary.hpp"

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctx/base/file.hpp>

namespace image_cache {

namespace fs = std::filesystem;

Temporary::Temporary(const Layout& layout, const CacheLock&)
{
    std::string pattern = (layout.images() / ".import.XXXXXX").string();
    fd_ = ctx::Fd(::mkostemp(pattern.data(), O_CLOEXEC));
    if (!fd_)
        throw ctx::system_error("cannot write to the image cache", layout.images().string(), errno)
            .mend("let the cache's owner do it, or name another cache with --cache-dir");
    path_ = pattern;
    if (::flock(fd_.get(), LOCK_EX | LOCK_NB) < 0) {
        const int error_number = errno;
        ::unlink(path_.c_str());
        throw ctx::system_error("cannot lock", path_.string(), error_number);
    }
}

Temporary::~Temporary()
{
    if (!path_.empty()) ::unlink(path_.c_str());
}

void Temporary::seal()
{
    if (sealed_) return;
    if (::fchmod(fd_.get(), 0444) < 0)
        throw ctx::system_error("cannot set the mode of", path_.string(), errno);
    if (::fsync(fd_.get()) < 0) throw ctx::system_error("cannot write to disk", path_.string(), errno);
    sealed_ = true;
}

void Temporary::publish(const fs::path& name)
{
    if (::rename(path_.c_str(), name.c_str()) < 0)
        throw ctx::system_error("cannot publish", name.string(), errno);
    path_.clear();
    ctx::sync_directory(name.parent_path());
}

void Temporary::leave() noexcept
{
    (void)::fchmod(fd_.get(), 0600);
    path_.clear();
}

namespace {

// Metadata temporaries are never locked, but made and renamed under the cache's lock, which we hold.
bool owner_is_gone(const fs::path& temporary)
{
    constexpr int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    // Writable because NFS wants it for an exclusive lock; a sealed one lets only root do that.
    ctx::Fd fd(::open(temporary.c_str(), O_RDWR | flags));
    if (!fd) fd = ctx::Fd(::open(temporary.c_str(), O_RDONLY | flags));
    return fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0;
}

bool has_image(const Layout& layout, std::string_view digest)
{
    std::error_code ignored;
    return fs::exists(layout.image(digest, Format::qcow2), ignored) ||
           fs::exists(layout.image(digest, Format::raw), ignored);
}

// What stands in images/ for nothing: metadata is published before its image, and removed after it.
bool is_orphan(const Layout& layout, std::string_view name)
{
    constexpr std::string_view before = "sha256-";
    constexpr std::string_view after = ".json";
    if (name.size() != before.size() + 64 + after.size() || !name.starts_with(before) ||
        !name.ends_with(after))
        return false;
    return !has_image(layout, name.substr(before.size(), 64));
}

} // namespace

void sweep(const Layout& layout, const CacheLock&)
{
    for (const fs::path& folder : {layout.images(), layout.aliases(), layout.sources()})
        for (const std::string& name : entries(folder)) {
            const fs::path path = folder / name;
            if (name.starts_with('.') && owner_is_gone(path)) ::unlink(path.c_str());
        }
    // There alone: sources have names like metadata's, of digests that are no image's.
    for (const std::string& name : entries(layout.images()))
        if (is_orphan(layout, name)) ::unlink((layout.images() / name).c_str());
}

} // namespace image_cache
