#include "make_fit.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/text.hpp>

#include "../copy.hpp"
#include "../transfer/url.hpp"

namespace image_cache {

using ctx::Blame;
using ctx::Error;

namespace {

// Where locks come from a server that may forget them, somebody else may have written here, too.
void check_again(const Incoming& incoming, const PullRequest& request)
{
    const std::string name = incoming.file->path().string();
    if (::fsync(incoming.file->fd()) < 0) throw ctx::system_error("cannot write to disk", name, errno);
    const ctx::Fd fresh = ctx::open_file(incoming.file->path(), O_RDONLY);
    if (hash_file({.fd = fresh.get(), .name = name}, incoming.size, request.progress) == incoming.digest)
        return;
    throw Error(Blame::node, "what was written is not what came")
        .at(name)
        .because("another process wrote to it, or the file server lost something")
        .mend("ask again: nothing wrong was published");
}

} // namespace

Incoming unpublished(PartFile& part, Arrival& arrival)
{
    if (arrival.unpacked)
        return {.file = arrival.unpacked->take_file(),
                .digest = arrival.unpacked->digest(),
                .size = arrival.unpacked->size(),
                .content = arrival.unpacked->content()};
    return {.file = part.release(),
            .digest = arrival.sha256,
            .size = arrival.bytes,
            .content = arrival.packed_as};
}

Inspected make_fit(const Incoming& incoming, const PullRequest& request, const std::string& url)
{
    const Inspected disk = inspect_file(incoming.file->fd(), incoming.size, request.format, shown_url(url));
    if (disk.virtual_size > request.limits.virtual_size)
        throw Error(Blame::remote, "the image's disk is larger than disks may be")
            .at(shown_url(url))
            .because(fmt::format("a guest would see {} bytes, and {} is the most", disk.virtual_size,
                                 ctx::format_size(request.limits.virtual_size)))
            .mend("raise images.max_virtual_size if it is right");
    if (is_on_network(incoming.file->fd())) check_again(incoming, request);
    incoming.file->seal();
    return disk;
}

} // namespace image_cache
