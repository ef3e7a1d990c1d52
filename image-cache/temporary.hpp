// An image on its way in: `.import.XXXXXX` beside the published ones, locked by whoever writes it as long as
// it lives.
#pragma once

#include <filesystem>

#include <ctx/base/fd.hpp>

#include "layout.hpp"
#include "lock.hpp"

namespace image_cache {

class Temporary {
public:
    // Under the cache's lock, so that no sweep comes between its making and its own lock.
    Temporary(const Layout& layout, const CacheLock&);
    // Takes over a file that was made elsewhere in the cache.
    Temporary(std::filesystem::path path, ctx::Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;
    Temporary(Temporary&&) = delete;
    Temporary& operator=(Temporary&&) = delete;
    ~Temporary();

    int fd() const noexcept { return fd_.get(); }
    const std::filesystem::path& path() const noexcept { return path_; }
    // Its content is on disk and nobody writes to it any more when this returns.
    void seal();
    // Gives it its name, on disk when this returns.
    void publish(const std::filesystem::path& name);
    // It stays where it is when this object goes: it was somebody's before, and is again.
    void leave() noexcept;

private:
    std::filesystem::path path_;
    ctx::Fd fd_;
    bool sealed_ = false;
};

// Removes what processes that are no more left behind: temporaries nobody has locked, metadata without an
// image.
void sweep(const Layout& layout, const CacheLock&);

} // namespace image_cache
