#include "part_file.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/random.hpp>

#include "../strict_json.hpp"
#include "download_lock.hpp"

namespace image_cache {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

// The latest may be of bytes that a power cut took.
constexpr std::size_t most_checkpoints = 16;
// Less is not worth a second request; and what the file is, is seen in its first chunk.
constexpr std::uint64_t least_part = 1 << 20;

fs::path record_of(const Layout& layout, const std::string& key)
{
    return layout.downloads() / (key + ".json");
}

// With what is left of one whose writer was killed: under the lock on the download nobody else writes any.
void remove_record(const Layout& layout, const std::string& key)
{
    const fs::path record = record_of(layout, key);
    ::unlink(record.c_str());
    const std::string unfinished = "." + record.filename().string() + ".";
    for (const std::string& name : entries(layout.downloads()))
        if (name.starts_with(unfinished)) ::unlink((layout.downloads() / name).c_str());
}

std::vector<fs::path> parts_of(const Layout& layout, const std::string& key)
{
    std::vector<fs::path> parts;
    for (const std::string& name : entries(layout.downloads()))
        if (name.starts_with(key + ".") && name.ends_with(".part"))
            parts.push_back(layout.downloads() / name);
    return parts;
}

struct SavedPart {
    fs::path path;
    PartState state;
};

// What an earlier download says of its part. A record that cannot be read is worth no more than none.
std::optional<SavedPart> read_record(const Layout& layout, const std::string& key)
try {
    const std::optional<JsonRecord> record = JsonRecord::read(record_of(layout, key), "it is not needed");
    if (!record) return std::nullopt;
    const std::string part = record->text("part");
    if (part.find('/') != std::string::npos || !part.starts_with(key + ".")) return std::nullopt;
    SavedPart saved{.path = layout.downloads() / part, .state = {}};
    saved.state.url = record->text("url");
    saved.state.validator = record->text("validator");
    if (record->has("total")) saved.state.total = record->size("total");
    for (const JsonRecord& checkpoint : record->objects("checkpoints"))
        saved.state.checkpoints.push_back(
            {.offset = checkpoint.size("offset"), .digest = checkpoint.text("sha256")});
    return saved;
} catch (const ctx::Error&) {
    return std::nullopt;
}

} // namespace

PartFile::PartFile(const Layout& layout, std::string key) : layout_(layout), key_(std::move(key))
{
    adopt();
    if (!fd_) create();
}

void PartFile::adopt()
{
    const std::optional<SavedPart> saved = read_record(layout_, key_);
    const fs::path mine = layout_.downloads() / fmt::format("{}.{}.part", key_, ctx::random_hex(6));
    // Without a validator or a digest to come nobody can say that the rest belongs to this beginning.
    const bool is_usable = saved && !saved->state.checkpoints.empty() &&
                           (!saved->state.validator.empty() || !key_.starts_with("url-"));
    if (is_usable && ::rename(saved->path.c_str(), mine.c_str()) == 0) {
        // It may have been sealed by one that was killed before it was published.
        (void)::chmod(mine.c_str(), 0600);
        fd_ = ctx::open_file(mine, O_RDWR);
        path_ = mine;
        state_ = saved->state;
        struct stat info{};
        const bool readable = ::fstat(fd_.get(), &info) == 0;
        std::erase_if(state_.checkpoints, [&](const Checkpoint& checkpoint) {
            return !readable || checkpoint.offset < least_part ||
                   checkpoint.offset > static_cast<std::uint64_t>(info.st_size);
        });
        written_ = offset();
        if (::ftruncate(fd_.get(), static_cast<off_t>(written_)) < 0) throw cannot_write(file(), errno);
        save();
    }
    // Of downloads that are no more; ours is the lock.
    for (const fs::path& part : parts_of(layout_, key_))
        if (part != path_) ::unlink(part.c_str());
}

void PartFile::create()
{
    path_ = layout_.downloads() / fmt::format("{}.{}.part", key_, ctx::random_hex(6));
    fd_ = ctx::Fd(::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd_)
        throw ctx::system_error("cannot write to the image cache", layout_.downloads().string(), errno)
            .mend("let the cache's owner do it, or name another cache with --cache-dir");
}

PartState PartFile::state() const
{
    const std::scoped_lock lock(mutex_);
    return state_;
}

std::uint64_t PartFile::offset() const
{
    const std::scoped_lock lock(mutex_);
    return state_.checkpoints.empty() ? 0 : state_.checkpoints.back().offset;
}

void PartFile::begin(std::string url, std::string validator, std::optional<std::uint64_t> total)
{
    const std::scoped_lock lock(mutex_);
    if (::ftruncate(fd_.get(), 0) < 0) throw cannot_write(file(), errno);
    state_ = {.url = std::move(url), .validator = std::move(validator), .total = total, .checkpoints = {}};
    pending_.clear();
    written_ = 0;
    save();
}

void PartFile::hashed(std::uint64_t offset, std::string digest)
{
    const std::scoped_lock lock(mutex_);
    if (!state_.checkpoints.empty() && offset <= state_.checkpoints.back().offset) return;
    pending_.push_back({.offset = offset, .digest = std::move(digest)});
    // The writer may be ahead, and may have nothing more to write for a long time.
    save_proved();
}

void PartFile::written(std::uint64_t offset)
{
    const std::scoped_lock lock(mutex_);
    // Where the beginning ends with zeros, the file must be said to reach so far. Here only, in the writer's
    // own thread: anywhere else it could cut off what is being written beyond.
    if (::ftruncate(fd_.get(), static_cast<off_t>(offset)) < 0) throw cannot_write(file(), errno);
    written_ = offset;
    save_proved();
}

void PartFile::save_proved()
{
    std::size_t count = 0;
    while (count < pending_.size() && pending_[count].offset <= written_) ++count;
    if (count == 0) return;
    const auto end = pending_.begin() + static_cast<std::ptrdiff_t>(count);
    state_.checkpoints.insert(state_.checkpoints.end(), pending_.begin(), end);
    pending_.erase(pending_.begin(), end);
    if (state_.checkpoints.size() > most_checkpoints)
        state_.checkpoints.erase(state_.checkpoints.begin(),
                                 state_.checkpoints.end() - static_cast<std::ptrdiff_t>(most_checkpoints));
    save();
}

void PartFile::save() const
{
    json checkpoints = json::array();
    for (const Checkpoint& checkpoint : state_.checkpoints)
        checkpoints.push_back({{"offset", checkpoint.offset}, {"sha256", checkpoint.digest}});
    json record = {{"part", path_.filename().string()},
                   {"url", state_.url},
                   {"validator", state_.validator},
                   {"checkpoints", std::move(checkpoints)}};
    if (state_.total) record["total"] = *state_.total;
    write_json(record_of(layout_, key_), std::move(record), ctx::Durable::no);
}

bool PartFile::is_ours() const
{
    struct stat here{};
    struct stat there{};
    return ::fstat(fd_.get(), &here) == 0 && ::stat(path_.c_str(), &there) == 0 &&
           here.st_ino == there.st_ino && here.st_dev == there.st_dev;
}

void PartFile::remove()
{
    remove_record(layout_, key_);
    if (is_ours()) ::unlink(path_.c_str());
}

std::unique_ptr<Temporary> PartFile::release()
{
    if (!is_ours())
        throw ctx::Error(ctx::Blame::node, "another process has taken over the download")
            .at(path_.string())
            .because("the lock on it was lost, as a file server's restart may do")
            .mend("ask again: nothing wrong was published");
    if (::fsync(fd_.get()) < 0) throw cannot_write(file(), errno);
    return std::make_unique<Temporary>(path_, std::move(fd_));
}

fs::path PartFile::quarantine()
{
    const fs::path aside = layout_.downloads() / (key_ + ".bad");
    remove_record(layout_, key_);
    if (::rename(path_.c_str(), aside.c_str()) < 0)
        throw ctx::system_error("cannot move aside", path_.string(), errno);
    return aside;
}

PartProgress look_at_part(const Layout& layout, const std::string& key)
{
    PartProgress progress;
    const std::optional<SavedPart> saved = read_record(layout, key);
    if (!saved) return progress;
    std::error_code failure;
    const std::uintmax_t size = fs::file_size(saved->path, failure);
    if (!failure) progress.done = size;
    progress.total = saved->state.total.value_or(0);
    return progress;
}

std::uint64_t remove_old_parts(const Layout& layout, std::int64_t seconds, bool dry_run)
{
    std::uint64_t bytes = 0;
    for (const std::string& name : entries(layout.downloads())) {
        const bool is_record = name.ends_with(".json");
        if (!is_record && !name.ends_with(".part") && !name.ends_with(".bad")) continue;
        const std::string key = name.substr(0, name.find('.'));
        const fs::path path = layout.downloads() / name;
        struct stat info{};
        if (::stat(path.c_str(), &info) < 0 || std::time(nullptr) - info.st_mtim.tv_sec < seconds) continue;
        if (is_record && !parts_of(layout, key).empty()) continue; // goes when its part goes
        const std::optional<DownloadLock> lock = DownloadLock::try_now(layout, key);
        if (!lock) continue;
        bytes += static_cast<std::uint64_t>(info.st_blocks) * 512;
        if (dry_run) continue;
        remove_record(layout, key);
        ::unlink(path.c_str());
    }
    return bytes;
}

} // namespace image_cache
