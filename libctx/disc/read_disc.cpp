#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/text.hpp>
#include <ctx/disc_reader.hpp>

#include "disc/iso_handles.hpp"
#include "disc/volume_descriptors.hpp"

namespace ctx {

namespace fs = std::filesystem;

namespace {

// A directory can be its own child; a disc of a few KB can name millions of files.
constexpr std::size_t deepest = 40;
constexpr std::size_t most_entries = 200000;
// Files may share their content, so all together may be larger than the disc; not without bound.
constexpr std::uint64_t most_shared = 64;

Error bad_disc(const fs::path& path, std::string why)
{
    return Error(Blame::user, "the disc cannot be read")
        .at(printable(path.string()))
        .because(std::move(why))
        .mend("name another disc, or make it anew");
}

std::string text_of(char* owned)
{
    const std::unique_ptr<char, decltype(&std::free)> text(owned, &std::free);
    return text == nullptr ? "" : text.get();
}

bool is_file_name(std::string_view name)
{
    return !name.empty() && name != "." && name != ".." && name.size() <= 255 &&
           name.find('/') == std::string_view::npos;
}

DiscEntry::Kind kind_of(mode_t mode)
{
    if (S_ISREG(mode)) return DiscEntry::Kind::file;
    if (S_ISDIR(mode)) return DiscEntry::Kind::directory;
    if (S_ISLNK(mode)) return DiscEntry::Kind::link;
    return DiscEntry::Kind::other;
}

} // namespace

struct DiscReader::State {
    fs::path path;
    Deadline deadline;
    std::uint64_t disc_size = 0;
    std::uint64_t content_size = 0;
    VolumeDescriptors volume;
    std::string label;
    std::vector<DiscEntry> entries;
    IsoFilesystemHandle filesystem; // outlives the sources
    std::map<std::string, IsoFileSourceHandle> files;

    State(fs::path disc, const Deadline& limit) : path(std::move(disc)), deadline(limit)
    {
        look_at_file();
        open();
        IsoFileSource* root = nullptr;
        check(filesystem->get_root(filesystem.get(), &root));
        const IsoFileSourceHandle handle(root);
        list(*root, "", 1);
        std::ranges::sort(entries, {}, &DiscEntry::path);
    }

    void check(int result) const
    {
        if (result < 0) throw bad_disc(path, iso_error_to_msg(result));
    }

    void look_at_file()
    {
        // O_NONBLOCK: a FIFO in the place of a file must not stop us.
        const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
        struct stat info{};
        if (!fd || ::fstat(fd.get(), &info) < 0)
            throw system_error("the disc cannot be read", printable(path.string()), errno, Blame::user);
        if (!S_ISREG(info.st_mode) && !S_ISBLK(info.st_mode))
            throw bad_disc(path, "it is neither a file nor a drive");
        const off_t end = ::lseek(fd.get(), 0, SEEK_END);
        disc_size = end < 0 ? 0 : static_cast<std::uint64_t>(end);
        volume = read_volume_descriptors(fd.get());
        if (!volume.iso9660) throw bad_disc(path, "it is no ISO 9660 disc");
    }

    void open()
    {
        start_libisofs();
        IsoDataSource* source = nullptr;
        check(iso_data_source_new_from_file(path.c_str(), &source));
        const IsoDataSourceHandle data(source);
        IsoReadOpts* raw = nullptr;
        check(iso_read_opts_new(&raw, 0));
        const IsoReadOptsHandle options(raw);
        iso_read_opts_set_no_aaip(raw, 1); // no access lists, no other attributes
        iso_read_opts_set_no_md5(raw, 1);
        iso_read_opts_set_input_charset(raw, "UTF-8");
        IsoImageFilesystem* made = nullptr;
        constexpr int no_image = 0x1fffff;
        check(iso_image_filesystem_new(source, raw, no_image, &made));
        filesystem.reset(made);
        const char* id = iso_image_fs_get_volume_id(made);
        label = id == nullptr ? "" : id;
    }

    void list(IsoFileSource& directory, const std::string& prefix, std::size_t depth)
    {
        if (depth > deepest) throw bad_disc(path, fmt::format("directories lie more than {} deep", deepest));
        if (deadline.passed()) throw bad_disc(path, "it takes too long").as_timeout();
        check(iso_file_source_open(&directory));
        for (;;) {
            IsoFileSource* child = nullptr;
            const int result = iso_file_source_readdir(&directory, &child);
            if (result == 0) break;
            check(result);
            add(IsoFileSourceHandle(child), prefix, depth);
        }
        iso_file_source_close(&directory);
    }

    void add(IsoFileSourceHandle source, const std::string& prefix, std::size_t depth)
    {
        const std::string name = text_of(iso_file_source_get_name(source.get()));
        if (!is_file_name(name)) throw bad_disc(path, "a file's name is '" + printable(name) + "'");
        struct stat info{};
        check(iso_file_source_lstat(source.get(), &info));
        DiscEntry entry{.path = prefix + name,
                        .kind = kind_of(info.st_mode),
                        .mode = info.st_mode & 07777U,
                        .time = info.st_mtim.tv_sec};
        if (entries.size() >= most_entries)
            throw bad_disc(path, fmt::format("it holds more than {} files", most_entries));
        const std::string full = entry.path;
        if (entry.kind == DiscEntry::Kind::file) {
            entry.size = info.st_size < 0 ? 0 : static_cast<std::uint64_t>(info.st_size);
            if (entry.size > disc_size)
                throw bad_disc(path, "'" + printable(full) + "' is larger than the disc");
            content_size += entry.size;
            if (content_size > most_shared * disc_size)
                throw bad_disc(path, "its files are larger than the disc");
        }
        entries.push_back(entry);
        if (entry.kind == DiscEntry::Kind::directory)
            list(*source, full + "/", depth + 1);
        else if (entry.kind == DiscEntry::Kind::file && !files.try_emplace(full, std::move(source)).second)
            throw bad_disc(path, "'" + printable(full) + "' is there twice");
    }
};

DiscReader::DiscReader(const fs::path& path, const Deadline& deadline)
    : state_(std::make_unique<State>(path, deadline))
{
}
DiscReader::~DiscReader() = default;
DiscReader::DiscReader(DiscReader&&) noexcept = default;
DiscReader& DiscReader::operator=(DiscReader&&) noexcept = default;

const std::string& DiscReader::label() const
{
    return state_->label;
}
bool DiscReader::has_rock_ridge() const
{
    return state_->volume.rock_ridge;
}
bool DiscReader::has_joliet() const
{
    return state_->volume.joliet;
}
const std::vector<DiscEntry>& DiscReader::entries() const
{
    return state_->entries;
}

void DiscReader::read(const std::string& path, const std::function<void(std::string_view)>& take) const
{
    const auto found = state_->files.find(path);
    const auto entry = std::ranges::find(state_->entries, path, &DiscEntry::path);
    if (found == state_->files.end() || entry == state_->entries.end())
        throw Error(Blame::user, "there is no such file on the disc")
            .at(printable(path))
            .mend("'vmbatch iso show' lists them");
    IsoFileSource* const source = found->second.get();
    state_->check(iso_file_source_open(source));
    std::array<char, 1 << 16> buffer{};
    std::uint64_t left = entry->size;
    while (left > 0) {
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()));
        const int count = iso_file_source_read(source, buffer.data(), wanted);
        if (count <= 0 || state_->deadline.passed()) {
            iso_file_source_close(source);
            std::string why = "it takes too long";
            if (count < 0) why = iso_error_to_msg(count);
            if (count == 0) why = "it is cut off within '" + printable(path) + "'";
            throw bad_disc(state_->path, why);
        }
        left -= static_cast<std::uint64_t>(count);
        take({buffer.data(), static_cast<std::size_t>(count)});
    }
    iso_file_source_close(source);
}

std::string DiscReader::content(const std::string& path, std::size_t limit) const
{
    std::string text;
    read(path, [&](std::string_view piece) {
        if (text.size() + piece.size() > limit)
            throw bad_disc(state_->path, fmt::format("'{}' is larger than {} bytes", printable(path), limit));
        text += piece;
    });
    return text;
}

} // namespace ctx
