// Hundreds of changes, chosen at random, beside a model of what must be there; then e2fsck.
#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>

#include <catch2/catch.hpp>

#include <ctx/ext_tree.hpp>

#include "disk/cached_device.hpp"
#include "ext_maker.hpp"

namespace {

constexpr std::uint64_t mebibyte = 1 << 20;

class Actor {
public:
    Actor(ctx::GuestTree& tree, unsigned seed) : tree_(tree), random_(seed) { directories_ = {""}; }

    void act()
    {
        const std::string path = below(3) == 0 ? some_path() : new_path();
        switch (below(8)) {
        case 0: make_directory(path); break;
        case 1: remove(path); break;
        case 2: link(path); break;
        case 3: symlink(path); break;
        case 4: attribute(); break;
        default: write(path); break;
        }
    }

    // That the tree has what it should.
    static void compare(const ctx::GuestTree& tree, const Actor& actor)
    {
        for (const auto& [path, content] : actor.files_) {
            INFO(path);
            CHECK((tree.read_file(path, 1 << 22) == *content));
        }
        for (const auto& [path, target] : actor.links_) CHECK(tree.entry(path)->target == target);
        std::size_t names = 0;
        for (const std::string& directory : actor.directories_) names += tree.list(directory + "/").size();
        // lost+found besides; each directory but the root is a name.
        CHECK(names == actor.files_.size() + actor.links_.size() + actor.directories_.size());
    }

private:
    std::size_t below(std::size_t end) { return random_() % end; }

    std::string new_path()
    {
        return directories_[below(directories_.size())] + "/" +
               std::string(1 + below(below(4) == 0 ? 200 : 12), static_cast<char>('a' + below(26)));
    }

    std::string some_path()
    {
        if (files_.empty()) return new_path();
        return std::next(files_.begin(), static_cast<std::ptrdiff_t>(below(files_.size())))->first;
    }

    bool is_directory(const std::string& path) const
    {
        return std::ranges::find(directories_, path) != directories_.end();
    }

    bool is_taken(const std::string& path) const
    {
        return is_directory(path) || files_.contains(path) || links_.contains(path);
    }

    void make_directory(const std::string& path)
    {
        if (is_taken(path)) return;
        tree_.make_directory(path, {.mode = 0755});
        directories_.push_back(path);
    }

    void remove(const std::string& path)
    {
        // Now and then a whole directory.
        const std::string gone = below(4) == 0 ? directories_[below(directories_.size())] : path;
        if (gone.empty()) return;
        tree_.remove(gone);
        const auto is_gone = [&](const std::string& name) {
            return name == gone || name.starts_with(gone + "/");
        };
        std::erase_if(files_, [&](const auto& file) { return is_gone(file.first); });
        std::erase_if(links_, [&](const auto& link) { return is_gone(link.first); });
        std::erase_if(directories_, is_gone);
    }

    void write(const std::string& path)
    {
        if (is_directory(path)) return;
        auto content = std::make_shared<std::string>(below(below(5) == 0 ? 300'000 : 5000),
                                                     static_cast<char>('A' + below(26)));
        tree_.write_bytes(path, *content, {.uid = static_cast<uid_t>(below(100'000))});
        links_.erase(path);
        files_[path] = std::move(content);
    }

    void link(const std::string& path)
    {
        if (is_directory(path) || files_.empty()) return;
        const std::string existing = some_path();
        tree_.make_hardlink(path, existing);
        links_.erase(path);
        files_[path] = files_.at(existing);
    }

    void symlink(const std::string& path)
    {
        if (is_directory(path)) return;
        const std::string target(1 + below(below(2) == 0 ? 900 : 70), 't');
        tree_.make_symlink(path, target, {});
        files_.erase(path);
        links_[path] = target;
    }

    void attribute()
    {
        if (files_.empty()) return;
        const std::string path = some_path();
        tree_.set_xattr(path, "user." + std::to_string(below(3)), std::string(below(200), 'v'));
        tree_.set_mode(path, static_cast<mode_t>(below(01000)));
        tree_.set_mtime(path, static_cast<std::int64_t>(below(3'000'000'000)));
    }

    ctx::GuestTree& tree_;
    std::mt19937 random_;
    std::map<std::string, std::shared_ptr<std::string>> files_;
    std::map<std::string, std::string> links_;
    std::vector<std::string> directories_;
};

} // namespace

TEST_CASE("changes at random leave an ext file system clean")
{
    const std::string features = GENERATE(
        std::string("none"), std::string("metadata_csum,64bit"), std::string("bigalloc"),
        std::string("inline_data"), std::string("^extents,^64bit,^metadata_csum,^flex_bg"),
        std::string("ea_inode,inline_data,^dir_index"), std::string("bigalloc,inline_data,orphan_file"));
    const unsigned seed = GENERATE(1U, 2U);
    INFO("features " << features << ", seed " << seed);
    std::vector<std::string> options = {"-t", "ext4", "-b", "1024", "-N", "8000"};
    if (features == "none")
        options = {"-t", "ext4"};
    else
        options.insert(options.end(), {"-O", features});
    const ExtImage image(options, 96 * mebibyte);
    FileDisk disk(image.path());
    ctx::CachedDevice cache(disk, mebibyte);
    const auto tree = ctx::open_ext_tree(cache, 1'700'000'000);
    Actor actor(*tree, seed);
    for (int i = 0; i < 400; ++i) actor.act();
    tree->close();
    CHECK(image.faults() == "");
    Actor::compare(*ctx::read_ext_tree(disk), actor);
}
