// ISO 9660 by libisofs: with Rock Ridge if it is there, else by Joliet.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <utility>

#include <sys/stat.h>

#include <ctx/base/text.hpp>

#include "disc/disc_contents.hpp"
#include "disc/iso_handles.hpp"

namespace ctx {

namespace fs = std::filesystem;

namespace {

std::string text_of(char* owned)
{
    const std::unique_ptr<char, decltype(&std::free)> text(owned, &std::free);
    return text == nullptr ? "" : text.get();
}

DiscEntry::Kind kind_of(mode_t mode)
{
    if (S_ISREG(mode)) return DiscEntry::Kind::file;
    if (S_ISDIR(mode)) return DiscEntry::Kind::directory;
    if (S_ISLNK(mode)) return DiscEntry::Kind::link;
    return DiscEntry::Kind::other;
}

class IsoContents : public DiscContents {
public:
    explicit IsoContents(fs::path path) : path_(std::move(path))
    {
        start_libisofs();
        IsoDataSource* source = nullptr;
        check(iso_data_source_new_from_file(path_.c_str(), &source));
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
        filesystem_.reset(made);
        const char* id = iso_image_fs_get_volume_id(made);
        label_ = id == nullptr ? "" : id;
    }

    std::string label() const override { return label_; }

    void list(DiscListing& listing) override
    {
        IsoFileSource* root = nullptr;
        check(filesystem_->get_root(filesystem_.get(), &root));
        const IsoFileSourceHandle handle(root);
        list(listing, *root, "", 1);
    }

    void read(const std::string& path, std::uint64_t size, const Deadline& deadline,
              const std::function<void(std::string_view)>& take) override
    {
        IsoFileSource* const source = files_.at(path).get();
        check(iso_file_source_open(source));
        const auto close = [](IsoFileSource* open) { iso_file_source_close(open); };
        const std::unique_ptr<IsoFileSource, decltype(close)> closed_in_the_end(source, close);
        std::array<char, 1 << 16> buffer{};
        for (std::uint64_t left = size; left > 0;) {
            const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()));
            const int count = iso_file_source_read(source, buffer.data(), wanted);
            check(count);
            if (count == 0) throw bad_disc(path_, "it is cut off within '" + printable(path) + "'");
            if (deadline.passed()) throw bad_disc(path_, "it takes too long").as_timeout();
            left -= static_cast<std::uint64_t>(count);
            take({buffer.data(), static_cast<std::size_t>(count)});
        }
    }

private:
    void check(int result) const
    {
        if (result < 0) throw bad_disc(path_, iso_error_to_msg(result));
    }

    void list(DiscListing& listing, IsoFileSource& directory, const std::string& prefix, std::size_t depth)
    {
        listing.require_depth(depth);
        check(iso_file_source_open(&directory));
        for (;;) {
            IsoFileSource* child = nullptr;
            const int result = iso_file_source_readdir(&directory, &child);
            if (result == 0) break;
            check(result);
            add(listing, IsoFileSourceHandle(child), prefix, depth);
        }
        iso_file_source_close(&directory);
    }

    void add(DiscListing& listing, IsoFileSourceHandle source, const std::string& prefix, std::size_t depth)
    {
        struct stat info{};
        check(iso_file_source_lstat(source.get(), &info));
        const DiscEntry::Kind kind = kind_of(info.st_mode);
        const std::string path =
            listing.add(prefix, {.path = text_of(iso_file_source_get_name(source.get())),
                                 .kind = kind,
                                 .size = info.st_size < 0 ? 0 : static_cast<std::uint64_t>(info.st_size),
                                 .mode = info.st_mode & 07777U,
                                 .time = info.st_mtim.tv_sec});
        if (kind == DiscEntry::Kind::directory)
            list(listing, *source, path + "/", depth + 1);
        else if (kind == DiscEntry::Kind::file)
            files_.emplace(path, std::move(source));
    }

    fs::path path_;
    std::string label_;
    IsoFilesystemHandle filesystem_; // outlives the sources
    std::map<std::string, IsoFileSourceHandle> files_;
};

} // namespace

std::unique_ptr<DiscContents> iso_contents(const fs::path& path)
{
    return std::make_unique<IsoContents>(path);
}

} // namespace ctx
