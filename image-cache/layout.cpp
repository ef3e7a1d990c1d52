#include "layout.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <system_error>

#include <sys/stat.h>

#include <fmt/format.h>

#include <ctx/base/names.hpp>
#include <ctx/base/text.hpp>

namespace image_cache {

namespace fs = std::filesystem;
using ctx::Blame;
using ctx::Error;

std::string_view to_string(Format format)
{
    return format == Format::qcow2 ? "qcow2" : "raw";
}

fs::path Layout::image(std::string_view digest, Format format) const
{
    return images() / fmt::format("sha256-{}.{}", digest, to_string(format));
}

fs::path Layout::metadata(std::string_view digest) const
{
    return images() / fmt::format("sha256-{}.json", digest);
}

fs::path Layout::alias(std::string_view name) const
{
    return aliases() / fmt::format("{}.json", name);
}

fs::path Layout::download_lock(std::string_view key) const
{
    return downloads() / fmt::format("{}.lock", key);
}

fs::path Layout::source(std::string_view key) const
{
    return sources() / fmt::format("{}.json", key);
}

fs::path Layout::leases_of(std::string_view digest) const
{
    return leases() / digest;
}

namespace {

void make_readable_directory(const fs::path& path)
{
    // Not ctx::make_directory: another process may be making it at the same time, which is no error.
    if (::mkdir(path.c_str(), 0755) == 0) {
        if (::chmod(path.c_str(), 0755) < 0)
            throw ctx::system_error("cannot set the mode of", path.string(), errno);
        return;
    }
    const int error_number = errno;
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) return;
    throw ctx::system_error("cannot make the image cache's directory", path.string(), error_number)
        .mend("let the cache's owner do it, or name another cache with --cache-dir");
}

} // namespace

void Layout::make() const
{
    std::error_code failure;
    fs::create_directories(root.parent_path(), failure);
    for (const fs::path& folder : {root, images(), aliases(), leases(), downloads(), sources()})
        make_readable_directory(folder);
}

bool is_hexadecimal(std::string_view text)
{
    return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_digest(std::string_view text)
{
    return text.size() == 64 && is_hexadecimal(text);
}

std::string parse_digest(std::string_view text)
{
    std::string digest(text.starts_with("sha256:") ? text.substr(7) : text);
    std::ranges::transform(digest, digest.begin(), [](char c) {
        return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (is_digest(digest)) return digest;
    throw Error(Blame::user, "not a SHA-256 digest")
        .at(ctx::printable(text))
        .because("it is written sha256: and 64 hexadecimal digits, as `sha256sum FILE` prints them")
        .mend("give the whole digest");
}

std::optional<ImageFile> parse_image_name(std::string_view name)
{
    if (!name.starts_with("sha256-")) return std::nullopt;
    name.remove_prefix(7);
    const std::string_view digest = name.substr(0, 64);
    if (!is_digest(digest)) return std::nullopt;
    for (const Format format : {Format::raw, Format::qcow2})
        if (name.substr(64) == fmt::format(".{}", to_string(format)))
            return ImageFile{.digest = std::string(digest), .format = format};
    return std::nullopt;
}

std::vector<std::string> entries(const fs::path& folder)
{
    std::vector<std::string> names;
    std::error_code failure;
    fs::directory_iterator entry(folder, failure);
    if (failure == std::errc::no_such_file_or_directory) return names;
    for (const fs::directory_iterator end; !failure && entry != end; entry.increment(failure))
        names.push_back(entry->path().filename().string());
    if (failure) throw ctx::system_error("cannot read the image cache", folder.string(), failure.value());
    std::ranges::sort(names);
    return names;
}

void check_alias(std::string_view alias)
{
    if (!ctx::is_plain_name(alias))
        throw Error(Blame::user, "not a name for an image")
            .at(ctx::printable(alias))
            .because(
                "a name has letters, digits, `.`, `_` and `-`, begins with a letter or digit and is at most "
                "64 long")
            .mend("choose another name");
    if (alias.size() >= 8 && is_hexadecimal(alias))
        throw Error(Blame::user, "not a name for an image")
            .at(std::string(alias))
            .because("it reads as the beginning of a digest")
            .mend("choose another name");
}

} // namespace image_cache
