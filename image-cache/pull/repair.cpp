#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/fd.hpp>
#include <image-cache/pull.hpp>

#include "../layout.hpp"
#include "../lock.hpp"
#include "../transfer/url.hpp"

namespace image_cache {

namespace fs = std::filesystem;
using ctx::Blame;
using ctx::Error;

namespace {

// The damaged file lies aside until another is in its place, and comes back if none comes.
class Aside {
public:
    Aside(const Layout& layout, const Image& image)
        : path_(image.path), aside_(layout.images() / fmt::format(".damaged-{}", image.digest))
    {
        const CacheLock lock(layout);
        // Locked like all that is on its way, so that it is not swept away.
        fd_ = ctx::open_file(path_, O_RDONLY);
        if (::flock(fd_.get(), LOCK_EX | LOCK_NB) < 0 || ::rename(path_.c_str(), aside_.c_str()) < 0)
            throw ctx::system_error("cannot move the damaged image aside", path_.string(), errno);
    }
    Aside(const Aside&) = delete;
    Aside& operator=(const Aside&) = delete;
    Aside(Aside&&) = delete;
    Aside& operator=(Aside&&) = delete;
    ~Aside()
    {
        std::error_code ignored;
        if (fs::exists(path_, ignored))
            ::unlink(aside_.c_str());
        else
            (void)::rename(aside_.c_str(), path_.c_str());
    }

private:
    fs::path path_;
    fs::path aside_;
    ctx::Fd fd_;
};

std::string bring_again(Store& store, const Image& image, const PullRequest& how)
{
    if (is_url(image.source)) {
        PullRequest request = how;
        request.urls = {image.source};
        request.format = image.format;
        request.cache_only = CacheOnly::never;
        request.insecure = true; // its digest is known
        request.stale = false;
        // What the address gives now may be another image: known by its digest, it is no harm to have it.
        if (const auto report = pull_report(store, image); report && report->packed_as.empty())
            request.checksum = "sha256:" + image.digest;
        return pull(store, request).image.digest;
    }
    return store
        .import(
            image.source,
            {.alias = {}, .format = image.format, .expected_digest = image.digest, .progress = how.progress})
        .image.digest;
}

} // namespace

void repair(Store& store, const Image& image, const PullRequest& how)
{
    const Layout layout{store.cache_dir()};
    if (image.source.empty())
        throw Error(Blame::node, "nobody knows where the image came from")
            .at(fmt::format("sha256:{}", image.digest))
            .mend("remove it and bring it in again");
    const Aside aside(layout, image);
    const std::string digest = bring_again(store, image, how);
    if (digest == image.digest) return;
    throw Error(Blame::remote, "what is there now is another image")
        .at(image.source)
        .because(fmt::format("it is sha256:{}, and sha256:{} is damaged here", digest, image.digest))
        .mend(fmt::format("remove the damaged one: vmbatch image rm sha256:{}", image.digest));
}

} // namespace image_cache
