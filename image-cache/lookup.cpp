#include "lookup.hpp"

#include <cerrno>
#include <optional>
#include <system_error>

#include <sys/stat.h>

#include <fmt/format.h>

#include <ctx/base/names.hpp>
#include <ctx/base/text.hpp>

#include "metadata.hpp"

namespace image_cache {

namespace fs = std::filesystem;
using ctx::Blame;
using ctx::Error;

namespace {

constexpr std::size_t shortest_prefix = 8;

std::optional<ImageFile> file_of(const Layout& layout, std::string_view digest)
{
    for (const Format format : {Format::qcow2, Format::raw}) {
        std::error_code ignored;
        if (fs::exists(layout.image(digest, format), ignored))
            return ImageFile{.digest = std::string(digest), .format = format};
    }
    return std::nullopt;
}

Error not_found(const Layout& layout, std::string_view name)
{
    const std::optional<std::string> close = ctx::nearest(name, alias_names(layout));
    return Error(Blame::user, "no such image in the cache")
        .at(ctx::printable(name))
        .because(fmt::format("it is neither a name nor a digest in {}", layout.root.string()))
        .mend(close ? fmt::format("did you mean `{}`? `vmbatch image list` shows all", *close)
                    : "see `vmbatch image list`, or bring it in: vmbatch image import FILE --name NAME");
}

ImageFile resolve_alias(const Layout& layout, const Alias& alias)
{
    if (std::optional<ImageFile> file = file_of(layout, alias.now.digest)) return *file;
    throw Error(Blame::node, "the image a name stands for is no longer in the cache")
        .at(fmt::format("{} = sha256:{}", alias.name, alias.now.digest))
        .because(fmt::format("there is no such file in {}", layout.images().string()))
        .mend(fmt::format("import it again with --name {0}, or drop the name: vmbatch image rm {0}",
                          alias.name));
}

ImageFile resolve_digest(const Layout& layout, std::string_view name, std::string_view digits)
{
    std::optional<ImageFile> found;
    for (ImageFile& file : image_files(layout)) {
        if (!file.digest.starts_with(digits) || (found && found->digest == file.digest)) continue;
        if (found)
            throw Error(Blame::user, "several images begin like this")
                .at(ctx::printable(name))
                .because(fmt::format("sha256:{} and sha256:{}", found->digest, file.digest))
                .mend("give more digits");
        found = std::move(file);
    }
    if (!found) throw not_found(layout, name);
    return *found;
}

} // namespace

std::vector<ImageFile> image_files(const Layout& layout)
{
    std::vector<ImageFile> files;
    for (const std::string& name : entries(layout.images()))
        if (std::optional<ImageFile> file = parse_image_name(name)) files.push_back(std::move(*file));
    return files;
}

ImageFile resolve(const Layout& layout, std::string_view name)
{
    if (ctx::is_plain_name(name))
        if (const std::optional<Alias> alias = read_alias(layout, name)) return resolve_alias(layout, *alias);

    const std::string_view digits = name.starts_with("sha256:") ? name.substr(7) : name;
    if (digits.size() >= shortest_prefix && is_hexadecimal(digits))
        return resolve_digest(layout, name, digits);
    if (name.starts_with("sha256:"))
        throw Error(Blame::user, "not the beginning of a digest")
            .at(ctx::printable(name))
            .because(fmt::format("it takes at least {} of its hexadecimal digits", shortest_prefix))
            .mend("`vmbatch image list` shows them");
    throw not_found(layout, name);
}

namespace {

Image assemble(const Layout& layout, const ImageFile& file, const Metadata& metadata,
               const std::vector<Alias>& aliases)
{
    Image image{.digest = file.digest,
                .format = file.format,
                .path = layout.image(file.digest, file.format),
                .file_size = metadata.file_size,
                .disk_usage = 0,
                .virtual_size = metadata.virtual_size,
                .imported = metadata.imported,
                .source = metadata.source,
                .aliases = {},
                .used = last_used(layout, file.digest)};
    struct stat info{};
    if (::stat(image.path.c_str(), &info) < 0)
        throw ctx::system_error("cannot read the image", image.path.string(), errno);
    image.disk_usage = static_cast<std::uint64_t>(info.st_blocks) * 512;
    for (const Alias& alias : aliases)
        if (alias.now.digest == file.digest) image.aliases.push_back(alias.name);
    return image;
}

} // namespace

Image load(const Layout& layout, const ImageFile& file, const std::vector<Alias>& aliases)
{
    const std::optional<Metadata> metadata = read_metadata(layout, file.digest);
    return assemble(layout, file, metadata ? *metadata : derive_metadata(layout, file), aliases);
}

Image load_without_metadata(const Layout& layout, const ImageFile& file, const std::vector<Alias>& aliases)
{
    return assemble(layout, file, derive_metadata(layout, file), aliases);
}

} // namespace image_cache
