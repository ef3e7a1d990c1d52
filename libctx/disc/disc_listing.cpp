#include "disc/disc_listing.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <ctx/base/text.hpp>

namespace ctx {

namespace {

// A directory can be its own child; a disc of a few KB can name millions of files.
constexpr std::size_t deepest = 40;
constexpr std::size_t most_entries = 200000;
// Files may share their content, so all together may be larger than the disc; not without bound.
constexpr std::uint64_t most_shared = 64;

bool is_file_name(std::string_view name)
{
    return !name.empty() && name != "." && name != ".." && name.size() <= 765 && // 255 UTF-16 units
           name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

} // namespace

Error bad_disc(const std::filesystem::path& path, std::string why)
{
    return Error(Blame::user, "the disc cannot be read")
        .at(printable(path.string()))
        .because(std::move(why))
        .mend("name another disc, or make it anew");
}

DiscListing::DiscListing(std::filesystem::path disc, std::uint64_t disc_size, const Deadline& deadline)
    : disc_(std::move(disc)), disc_size_(disc_size), deadline_(deadline)
{
}

void DiscListing::require_depth(std::size_t depth) const
{
    if (depth > deepest) throw bad_disc(disc_, fmt::format("directories lie more than {} deep", deepest));
    if (deadline_.passed()) throw bad_disc(disc_, "it takes too long").as_timeout();
}

std::string DiscListing::add(const std::string& prefix, DiscEntry entry)
{
    if (!is_file_name(entry.path)) throw bad_disc(disc_, "a file's name is '" + printable(entry.path) + "'");
    entry.path = prefix + entry.path;
    const std::string path = entry.path;
    if (entries_.size() >= most_entries)
        throw bad_disc(disc_, fmt::format("it holds more than {} files", most_entries));
    if (!paths_.insert(path).second) throw bad_disc(disc_, "'" + printable(path) + "' is there twice");
    if (entry.kind != DiscEntry::Kind::file) entry.size = 0;
    if (entry.size > disc_size_) throw bad_disc(disc_, "'" + printable(path) + "' is larger than the disc");
    content_size_ += entry.size;
    if (content_size_ > most_shared * disc_size_) throw bad_disc(disc_, "its files are larger than the disc");
    entries_.push_back(std::move(entry));
    return path;
}

std::vector<DiscEntry> DiscListing::take_sorted()
{
    std::ranges::sort(entries_, {}, &DiscEntry::path);
    return std::exchange(entries_, {});
}

} // namespace ctx
