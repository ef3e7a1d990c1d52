#include "disc/iso_handles.hpp"

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/disc.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace ctx {

namespace fs = std::filesystem;

namespace {

constexpr mode_t file_mode = 0400;
constexpr mode_t directory_mode = 0555;

// A file of the host on its way to the disc. Held open from the first look to the last byte, so that nobody
// can put another file in its place.
struct Source {
    fs::path path;
    Fd fd;
    struct stat info{};
};

Source open_source(const fs::path& path)
{
    // O_NONBLOCK: a FIFO in the place of a file must not stop us.
    Source source{path, Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)), {}};
    if (!source.fd || ::fstat(source.fd.get(), &source.info) < 0)
        throw system_error("cannot read a file for the disc", path.string(), errno, Blame::user);
    if (!S_ISREG(source.info.st_mode))
        throw Error(Blame::user, "only regular files can go on a disc").at(path.string());
    return source;
}

void require_unchanged(const Source& source)
{
    struct stat now{};
    if (::fstat(source.fd.get(), &now) < 0)
        throw system_error("cannot read a file for the disc", source.path.string(), errno);
    if (now.st_size != source.info.st_size || now.st_mtim.tv_sec != source.info.st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != source.info.st_mtim.tv_nsec)
        throw Error(Blame::user, "the file changed while it was put on a disc")
            .at(source.path.string())
            .mend("try again when nobody writes to it");
}

// libisofs is set up once per process; its locale would be the user's, our names are ASCII.
void start_libisofs()
{
    static const int result = [] {
        const int started = iso_init_with_flag(1);
        if (started < 0)
            return started;
        std::array<char, 6> charset = {"UTF-8"};
        iso_set_local_charset(charset.data(), 0);
        std::array<char, 6> queue = {"SORRY"};
        std::array<char, 6> print = {"NEVER"};
        std::array<char, 1> prefix = {""};
        return iso_set_msgs_severities(queue.data(), print.data(), prefix.data());
    }();
    iso_checked(result, "libisofs cannot be used", "");
}

// What went wrong in libisofs' thread: it writes zeros for what it cannot read, and says so only here.
void require_no_messages(const fs::path& disc)
{
    std::array<char, ISO_MSGS_MESSAGE_LEN> text{};
    std::array<char, 80> severity{};
    std::array<char, 6> least = {"SORRY"};
    int code = 0;
    int image = 0;
    std::string all;
    while (iso_obtain_msgs(least.data(), &code, &image, text.data(), severity.data()) == 1) {
        if (!all.empty())
            all += "; ";
        all += text.data();
    }
    if (!all.empty())
        throw Error(Blame::node, "the disc cannot be written").at(disc.string()).because(all);
}

class Writer {
public:
    Writer(const DiscTree& tree, const fs::path& path, const DiscOptions& options)
        : tree_(tree), path_(path), options_(options)
    {
    }

    void write()
    {
        make_image();
        for (const auto& [name, file] : tree_.files)
            add(name, file);
        const IsoWriteOptsHandle write_options = make_options();

        AtomicFile file(path_, options_.mode, options_.durable);
        copy(*write_options, file);
        for (const Source& source : sources_)
            require_unchanged(source);
        file.publish();
    }

private:
    void check(int result) const { iso_checked(result, "the disc cannot be made", path_.string()); }

    void make_image()
    {
        IsoImage* image = nullptr;
        check(iso_image_new(tree_.label.c_str(), &image));
        image_.reset(image);
        iso_tree_set_follow_symlinks(image, 1); // sources are named by /proc/self/fd, which are links
        finish_node(iso_image_get_root(image), S_IFDIR | directory_mode);
    }

    // Nothing of the host's files but their content: owner, mode and dates are the disc's own.
    template <class Node>
    void finish_node(Node* any, mode_t mode) const
    {
        IsoNode* node = reinterpret_cast<IsoNode*>(any); // libisofs' own inheritance: ISO_NODE()
        iso_node_set_permissions(node, mode & 07777U);
        iso_node_set_uid(node, 0);
        iso_node_set_gid(node, 0);
        iso_node_set_mtime(node, options_.time);
        iso_node_set_atime(node, options_.time);
        iso_node_set_ctime(node, options_.time);
    }

    IsoDir* directory(const std::string& name)
    {
        if (name.empty())
            return iso_image_get_root(image_.get());
        const auto known = directories_.find(name);
        if (known != directories_.end())
            return known->second;
        const auto [parent, leaf] = split_name(name);
        IsoDir* made = nullptr;
        check(iso_tree_add_new_dir(directory(parent), leaf.c_str(), &made));
        finish_node(made, directory_mode);
        directories_[name] = made;
        return made;
    }

    static std::pair<std::string, std::string> split_name(const std::string& name)
    {
        const std::size_t slash = name.rfind('/');
        if (slash == std::string::npos)
            return {"", name};
        return {name.substr(0, slash), name.substr(slash + 1)};
    }

    void add(const std::string& name, const DiscFile& file)
    {
        const auto [parent, leaf] = split_name(name);
        IsoDir* const folder = directory(parent);
        IsoNode* node = nullptr;
        if (const auto* text = std::get_if<std::string>(&file.content)) {
            node = reinterpret_cast<IsoNode*>(add_text(folder, leaf, *text));
        } else {
            const Source& source = sources_.emplace_back(open_source(std::get<fs::path>(file.content)));
            const std::string open_file = fmt::format("/proc/self/fd/{}", source.fd.get());
            check(iso_tree_add_new_node(image_.get(), folder, leaf.c_str(), open_file.c_str(), &node));
        }
        finish_node(node, file_mode);
        // Else the data's order would follow the host's inode numbers.
        iso_node_set_sort_weight(node, --weight_);
    }

    IsoFile* add_text(IsoDir* folder, const std::string& leaf, const std::string& text) const
    {
        // libisofs takes the buffer over and free()s it.
        std::unique_ptr<unsigned char, decltype(&std::free)> buffer(
            static_cast<unsigned char*>(std::malloc(text.size() + 1)), std::free); // NOLINT(*-no-malloc)
        if (!buffer)
            throw std::bad_alloc();
        std::memcpy(buffer.get(), text.data(), text.size());
        IsoStream* raw = nullptr;
        check(iso_memory_stream_new(buffer.get(), text.size(), &raw));
        static_cast<void>(buffer.release());
        IsoStreamHandle stream(raw);
        IsoFile* file = nullptr;
        check(iso_image_add_new_file(image_.get(), folder, leaf.c_str(), stream.get(), &file));
        static_cast<void>(stream.release()); // the file's now
        return file;
    }

    IsoWriteOptsHandle make_options() const
    {
        IsoWriteOpts* raw = nullptr;
        check(iso_write_opts_new(&raw, 1));
        IsoWriteOptsHandle options(raw);
        iso_write_opts_set_iso_level(raw, 3);
        iso_write_opts_set_rockridge(raw, 1);
        iso_write_opts_set_joliet(raw, 1);
        iso_write_opts_set_sort_files(raw, 1);
        iso_write_opts_set_relaxed_vol_atts(raw, 1); // a label in lower case
        iso_write_opts_set_always_gmt(raw, 1);
        iso_write_opts_set_replace_timestamps(raw, 2);
        iso_write_opts_set_default_timestamp(raw, options_.time);
        std::array<char, 6> charset = {"UTF-8"};
        iso_write_opts_set_output_charset(raw, charset.data());
        std::array<char, 17> date = volume_date();
        check(iso_write_opts_set_pvd_times(raw, 0, 0, 0, 0, date.data()));
        return options;
    }

    // "YYYYMMDDhhmmsscc": 0 seconds since 1970 as a number would stand for "now".
    std::array<char, 17> volume_date() const
    {
        const std::time_t time = options_.time;
        std::tm parts{};
        gmtime_r(&time, &parts);
        std::array<char, 17> text{};
        std::strftime(text.data(), text.size(), "%Y%m%d%H%M%S00", &parts);
        return text;
    }

    void copy(IsoWriteOpts& options, AtomicFile& file) const
    {
        burn_source* raw = nullptr;
        check(iso_image_create_burn_source(image_.get(), &options, &raw));
        const BurnSourceHandle source(raw);
        const auto read = raw->read != nullptr ? raw->read : raw->read_xt;
        // libisofs gives whole blocks only, and nothing at all of a last read that asks for more than is
        // left.
        constexpr std::size_t block = 2048;
        std::vector<unsigned char> buffer(128 * block);
        std::size_t filled = 0;
        off_t total = 0;
        const auto flush = [&] {
            file.write({reinterpret_cast<const char*>(buffer.data()), filled});
            total += static_cast<off_t>(std::exchange(filled, 0));
        };
        for (;;) {
            const int count = read(raw, buffer.data() + filled, block);
            check(count);
            if (count == 0)
                break;
            filled += static_cast<std::size_t>(count);
            if (filled == buffer.size())
                flush();
        }
        flush();
        require_no_messages(path_);
        if (total != raw->get_size(raw))
            throw Error(Blame::node, "the disc cannot be written")
                .at(path_.string())
                .because(fmt::format("libisofs ended after {} bytes", total));
    }

    const DiscTree& tree_;
    const fs::path& path_;
    const DiscOptions& options_;
    std::vector<Source> sources_; // outlive the image
    IsoImageHandle image_;
    std::map<std::string, IsoDir*> directories_;
    int weight_ = 0;
};

} // namespace

void write_disc(const DiscTree& tree, const fs::path& path, const DiscOptions& options)
{
    // libisofs' queue of messages belongs to the process: one disc at a time.
    static std::mutex one_at_a_time;
    const std::lock_guard lock(one_at_a_time);
    start_libisofs();
    Writer(tree, path, options).write();
}

} // namespace ctx
