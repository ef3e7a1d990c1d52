#include "publish.hpp"

#include <chrono>
#include <system_error>

#include <fmt/format.h>

#include "lookup.hpp"
#include "metadata.hpp"

namespace image_cache {

namespace fs = std::filesystem;
using ctx::Blame;
using ctx::Error;

namespace {

void check_format(const Layout& layout, const std::string& digest, Format format)
{
    const Format other = format == Format::raw ? Format::qcow2 : Format::raw;
    std::error_code ignored;
    if (!fs::exists(layout.image(digest, other), ignored)) return;
    throw Error(Blame::user, "this content is in the cache already, in another format")
        .at(fmt::format("sha256:{}", digest))
        .because(
            fmt::format("it was imported as {}, and is now to be {}", to_string(other), to_string(format)))
        .mend(
            fmt::format("leave out --format, or remove the other first: vmbatch image rm sha256:{}", digest));
}

bool is_whole(const fs::path& image, std::uint64_t size)
{
    std::error_code failure;
    return fs::file_size(image, failure) == size && !failure;
}

bool has_good_metadata(const Layout& layout, const std::string& digest)
{
    try {
        return read_metadata(layout, digest).has_value();
    } catch (const Error&) {
        return false;
    }
}

} // namespace

Imported publish(const Layout& layout, Temporary& file, const Publication& image)
{
    const fs::path path = layout.image(image.digest, image.disk.format);
    // The long wait for the disk is over before the lock is taken.
    if (!is_whole(path, image.file_size)) file.seal();
    const CacheLock lock(layout);
    check_format(layout, image.digest, image.disk.format);
    const bool was_cached = is_whole(path, image.file_size);
    if (!was_cached || !has_good_metadata(layout, image.digest))
        write_metadata(layout, image.digest,
                       {.format = image.disk.format,
                        .file_size = image.file_size,
                        .virtual_size = image.disk.virtual_size,
                        .imported = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()),
                        .source = image.source,
                        .pull = image.pull});
    if (!was_cached) {
        file.seal();
        file.publish(path);
    }
    if (!image.alias.empty()) point_alias(layout, image.alias, image.digest, image.fingerprint);
    return {.image =
                load(layout, {.digest = image.digest, .format = image.disk.format}, read_aliases(layout)),
            .was_cached = was_cached};
}

} // namespace image_cache
