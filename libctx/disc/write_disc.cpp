#include <algorithm>
#include <array>
#include <cstddef>
#include <ctime>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/page_buffer.hpp>
#include <ctx/disc.hpp>

#include "disc/disc_source.hpp"
#include "disc/iso_handles.hpp"
#include "disc/write_fat.hpp"

namespace ctx {

namespace fs = std::filesystem;

namespace {

constexpr mode_t file_mode = 0400;
constexpr mode_t directory_mode = 0555;

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
        if (!all.empty()) all += "; ";
        all += text.data();
    }
    if (!all.empty()) throw Error(Blame::node, "the disc cannot be written").at(disc.string()).because(all);
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
        for (const auto& [name, file] : tree_.files) add(name, file);
        const IsoWriteOptsHandle write_options = make_options();

        AtomicFile file(path_, options_.mode, options_.durable);
        copy(*write_options, file);
        for (const DiscSource& source : sources_) source.require_unchanged();
        file.publish();
    }

private:
    void check(int result) const { iso_checked(result, "the disc cannot be made", path_.string()); }

    void make_image()
    {
        IsoImage* image = nullptr;
        check(iso_image_new(tree_.label.c_str(), &image));
        image_.reset(image);
        finish_node(iso_image_get_root(image), S_IFDIR | directory_mode);
    }

    // Nothing of the host's files but their content: owner, mode and dates are the disc's own.
    template <class Node>
    void finish_node(Node* any, mode_t mode) const
    {
        auto* node = reinterpret_cast<IsoNode*>(any); // libisofs' own inheritance: ISO_NODE()
        iso_node_set_permissions(node, mode & 07777U);
        iso_node_set_uid(node, 0);
        iso_node_set_gid(node, 0);
        iso_node_set_mtime(node, options_.time);
        iso_node_set_atime(node, options_.time);
        iso_node_set_ctime(node, options_.time);
    }

    IsoDir* directory(const std::string& name)
    {
        if (name.empty()) return iso_image_get_root(image_.get());
        const auto known = directories_.find(name);
        if (known != directories_.end()) return known->second;
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
        if (slash == std::string::npos) return {"", name};
        return {name.substr(0, slash), name.substr(slash + 1)};
    }

    void add(const std::string& name, const DiscFile& file)
    {
        const auto [parent, leaf] = split_name(name);
        IsoDir* const folder = directory(parent);
        IsoStreamHandle stream = sources_.emplace_back(file, sources_.size() + 1).stream();
        IsoFile* node = nullptr;
        check(iso_image_add_new_file(image_.get(), folder, leaf.c_str(), stream.get(), &node));
        stream.release(); // NOLINT(bugprone-unused-return-value): the node's now
        finish_node(node, file_mode);
    }

    IsoWriteOptsHandle make_options() const
    {
        IsoWriteOpts* raw = nullptr;
        check(iso_write_opts_new(&raw, 1));
        IsoWriteOptsHandle options(raw);
        iso_write_opts_set_iso_level(raw, 3);
        iso_write_opts_set_rockridge(raw, 1);
        iso_write_opts_set_joliet(raw, 1);
        // What genisoimage writes. Version 1.12 adds inode numbers, which libisofs gives by addresses in
        // memory.
        iso_write_opts_set_rrip_version_1_10(raw, 1);
        iso_write_opts_set_omit_version_numbers(raw, 2); // in Joliet: "user-data", not "user-data.;1"
        iso_write_opts_set_no_force_dots(raw, 2);
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
        if (::gmtime_r(&time, &parts) == nullptr) throw Error(Blame::user, "the disc's date is out of range");
        std::array<char, 17> text{};
        if (std::strftime(text.data(), text.size(), "%Y%m%d%H%M%S00", &parts) == 0)
            throw Error(Blame::user, "the disc's date is out of range");
        return text;
    }

    void copy(IsoWriteOpts& options, AtomicFile& file) const
    {
        burn_source* raw = nullptr;
        check(iso_image_create_burn_source(image_.get(), &options, &raw));
        const BurnSourceHandle source(raw);
        const auto read = raw->read != nullptr ? raw->read : raw->read_xt;
        const off_t size = raw->get_size(raw);
        const PageBuffer buffer(1 << 18);
        off_t at = 0;
        while (at < size) {
            // Whole blocks, and never more than is left: of such a read libisofs gives nothing.
            const auto count = std::min(size - at, static_cast<off_t>(buffer.size()));
            auto* const bytes = reinterpret_cast<unsigned char*>(buffer.data());
            const int got = read(raw, bytes, static_cast<int>(count));
            check(got);
            if (got == 0) break;
            file.write({buffer.data(), static_cast<std::size_t>(got)});
            at += got;
        }
        // Its thread has said all when it has ended.
        const bool ended = read(raw, reinterpret_cast<unsigned char*>(buffer.data()), 2048) == 0;
        require_no_messages(path_);
        if (at != size || !ended)
            throw Error(Blame::node, "the disc cannot be written")
                .at(path_.string())
                .because(fmt::format("libisofs ended after {} of {} bytes", at, size));
    }

    const DiscTree& tree_;
    const fs::path& path_;
    const DiscOptions& options_;
    std::deque<DiscSource> sources_; // stay in place, and outlive the image
    IsoImageHandle image_;
    std::map<std::string, IsoDir*> directories_;
};

} // namespace

void write_disc(const DiscTree& tree, const fs::path& path, const DiscOptions& options)
{
    if (options.format == DiscFormat::vfat) {
        write_fat(tree, path, options);
        return;
    }
    // libisofs' queue of messages belongs to the process: one disc at a time.
    static std::mutex one_at_a_time;
    const std::lock_guard lock(one_at_a_time);
    start_libisofs();
    Writer(tree, path, options).write();
}

} // namespace ctx
