#include "unpublish.hpp"

#include <cerrno>

#include <unistd.h>

#include <ctx/base/file.hpp>

#include "aliases.hpp"
#include "pull/source_records.hpp"

namespace image_cache {

namespace fs = std::filesystem;

void unpublish(const Layout& layout, const Image& image, const CacheLock&)
{
    // In this order a power cut leaves at most metadata of no image, which the next import sweeps.
    for (const Alias& alias : read_aliases(layout))
        if (alias.now.digest == image.digest) drop_alias(layout, alias.name);
    for (const fs::path& path : {layout.image(image.digest, image.format), layout.metadata(image.digest)})
        if (::unlink(path.c_str()) < 0 && errno != ENOENT)
            throw ctx::system_error("cannot remove", path.string(), errno);
    ctx::sync_directory(layout.images());
    drop_sources_of(layout, image.digest);
}

} // namespace image_cache
