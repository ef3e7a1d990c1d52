#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/fd.hpp>
#include <ctx/base/file.hpp>
#include <ctx/base/text.hpp>
#include <image-cache/store.hpp>

#include "aliases.hpp"
#include "copy.hpp"
#include "layout.hpp"
#include "leases.hpp"
#include "lock.hpp"
#include "lookup.hpp"
#include "metadata.hpp"
#include "unpublish.hpp"

namespace image_cache {

namespace fs = std::filesystem;
using ctx::Blame;
using ctx::Error;

Store::Store(fs::path cache_dir) : cache_dir_(fs::absolute(cache_dir).lexically_normal()) {}

Image Store::find(std::string_view name) const
{
    const Layout layout{cache_dir_};
    return load(layout, resolve(layout, name), read_aliases(layout));
}

std::vector<Image> Store::list() const
{
    const Layout layout{cache_dir_};
    const std::vector<Alias> aliases = read_aliases(layout);
    std::vector<Image> images;
    for (const ImageFile& file : image_files(layout)) {
        try {
            images.push_back(load(layout, file, aliases));
        } catch (const Error&) {
            try {
                images.push_back(load_without_metadata(layout, file, aliases));
            } catch (const Error&) {
                continue; // removed this moment, or unreadable: damage() tells
            }
        }
    }
    return images;
}

namespace {

// The file's length shows a torn or cut image for the price of a stat; only verify() proves it whole.
void check_size(const Image& image)
{
    std::error_code failure;
    const std::uint64_t size = fs::file_size(image.path, failure);
    if (failure) throw ctx::system_error("cannot read the image", image.path.string(), failure.value());
    if (size == image.file_size) return;
    throw Error(Blame::node, "the image is no longer what it was")
        .at(image.path.string())
        .because(fmt::format("it has {} bytes and was published with {}", size, image.file_size))
        .mend(fmt::format("remove it and import it again: vmbatch image rm sha256:{}", image.digest));
}

template <class Work>
void collect(std::vector<Error>& errors, Work&& work)
{
    try {
        std::forward<Work>(work)();
    } catch (Error& error) {
        errors.push_back(std::move(error));
    }
}

} // namespace

std::vector<Error> Store::damage() const
{
    const Layout layout{cache_dir_};
    std::vector<Error> errors;
    for (const ImageFile& file : image_files(layout))
        collect(errors, [&] { check_size(load(layout, file, {})); });
    for (const std::string& name : alias_names(layout)) collect(errors, [&] { resolve(layout, name); });
    return errors;
}

std::vector<AliasStep> Store::history(std::string_view alias) const
{
    check_alias(alias);
    const std::optional<Alias> known = read_alias(Layout{cache_dir_}, alias);
    std::vector<AliasStep> steps;
    if (!known) return steps;
    steps.push_back(known->now);
    steps.insert(steps.end(), known->before.begin(), known->before.end());
    return steps;
}

void Store::verify(const Image& image, const ProgressFunction& progress) const
{
    check_size(image);
    const fs::path path = Layout{cache_dir_}.image(image.digest, image.format);
    const ctx::Fd fd = ctx::open_file(path, O_RDONLY);
    const std::string digest = hash_file({.fd = fd.get(), .name = path.string()}, image.file_size, progress);
    if (digest == image.digest) return;
    throw Error(Blame::node, "the image is no longer what it was")
        .at(path.string())
        .because(fmt::format("its content is sha256:{} and was published as sha256:{}", digest, image.digest))
        .mend(fmt::format(
            "remove it and import it again: vmbatch image rm sha256:{}; then look after the disk it "
            "lies on",
            image.digest));
}

void Store::remove(const Image& image)
{
    const Layout layout{cache_dir_};
    const CacheLock lock(layout);
    if (const std::vector<std::string> jobs = lease_holders(layout, image.digest); !jobs.empty())
        throw Error(Blame::user, "the image is in use")
            .at(fmt::format("sha256:{}", image.digest))
            .because(fmt::format("leased by {}", ctx::join(jobs, ", ")))
            .mend("wait for these to end; `vmbatch job gc` clears away those that died");
    unpublish(layout, image, lock);
}

void Store::remove_alias(std::string_view alias)
{
    check_alias(alias);
    const Layout layout{cache_dir_};
    std::error_code ignored;
    if (!fs::exists(layout.alias(alias), ignored)) {
        const std::optional<std::string> close = ctx::nearest(alias, alias_names(layout));
        throw Error(Blame::user, "no image has this name")
            .at(std::string(alias))
            .mend(close ? fmt::format("did you mean `{}`?", *close) : "`vmbatch image list` shows the names");
    }
    const CacheLock lock(layout);
    drop_alias(layout, alias);
}

namespace {

// What nobody can write nobody can remove an image from: a job may stand on it without a lease.
bool is_read_only(const fs::path& path)
{
    struct statvfs info{};
    return ::statvfs(path.c_str(), &info) == 0 && (info.f_flag & ST_RDONLY) != 0;
}

void check_still_there(const Image& image)
{
    std::error_code ignored;
    if (!fs::exists(image.path, ignored))
        throw Error(Blame::node, "the image was removed meanwhile")
            .at(image.path.string())
            .mend("import it again, or let the job name another image");
    check_size(image);
}

void check_digest(std::string_view digest)
{
    if (!is_digest(digest))
        throw Error(Blame::user, "not an image's digest")
            .at(ctx::printable(digest))
            .mend("give all 64 digits");
}

} // namespace

void Store::lease(const Image& image, std::string_view holder, const fs::path& alive)
{
    check_digest(image.digest);
    check_holder(holder);
    if (is_read_only(cache_dir_)) {
        check_still_there(image);
        return;
    }

    const Layout layout{cache_dir_};
    layout.make();
    const CacheLock lock(layout);
    add_lease(layout, image.digest, holder, alive);
    touch(layout, image.digest);
    try {
        check_still_there(image);
    } catch (const Error&) {
        drop_lease(layout, image.digest, holder);
        throw;
    }
}

void Store::release(std::string_view digest, std::string_view holder)
{
    check_digest(digest);
    check_holder(holder);
    const Layout layout{cache_dir_};
    if (!has_lease(layout, digest, holder)) return;
    const CacheLock lock(layout);
    drop_lease(layout, digest, holder);
}

std::vector<std::string> Store::holders(std::string_view digest) const
{
    check_digest(digest);
    return lease_holders(Layout{cache_dir_}, digest);
}

std::vector<std::string> Store::release_dead()
{
    const Layout layout{cache_dir_};
    std::vector<std::string> released;
    std::optional<CacheLock> lock; // taken when there is something to do
    for (const std::string& digest : entries(layout.leases())) {
        if (!is_digest(digest)) continue;
        for (const std::string& holder : lease_holders(layout, digest)) {
            if (!is_dead(layout, digest, holder)) continue;
            if (!lock) lock.emplace(layout);
            if (!is_dead(layout, digest, holder)) continue; // it has been taken again meanwhile
            drop_lease(layout, digest, holder);
            released.push_back(holder);
        }
    }
    return released;
}

} // namespace image_cache
