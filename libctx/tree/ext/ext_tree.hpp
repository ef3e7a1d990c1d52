// Paths and attributes of a guest tree, on an ext file system.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include <ctx/guest_tree.hpp>

#include "tree/ext/ext_file_system.hpp"

namespace ctx {

class ExtTree : public GuestTree {
public:
    ExtTree(const BlockReader& reader, BlockDevice* writer, std::int64_t now) : fs_(reader, writer, now) {}

    std::optional<GuestEntry> entry(const std::string& path) const override;
    std::optional<std::string> read_file(const std::string& path, std::size_t limit) const override;
    std::vector<std::string> list(const std::string& path, std::size_t limit) const override;
    std::optional<std::string> get_xattr(const std::string& path, const std::string& name) const override;
    std::map<std::string, std::string> xattrs(const std::string& path) const override;

    void make_directory(const std::string& path, const GuestAttributes& attributes) override;
    void write_file(const std::string& path, GuestContent& content,
                    const GuestAttributes& attributes) override;
    void make_symlink(const std::string& path, const std::string& target,
                      const GuestAttributes& attributes) override;
    void make_hardlink(const std::string& path, const std::string& existing) override;
    void remove(const std::string& path) override;
    void set_owner(const std::string& path, uid_t uid, gid_t gid) override;
    void set_mode(const std::string& path, mode_t mode) override;
    void set_xattr(const std::string& path, const std::string& name, std::string_view value) override;
    void set_mtime(const std::string& path, std::int64_t mtime) override;
    void close() override;

private:
    // A directory and a name in it.
    struct Place {
        ext2_ino_t directory = 0;
        std::string name; // empty: the root itself
    };
    enum class LastLink { followed, itself };

    std::optional<ext2_ino_t> find(const std::string& path, LastLink last) const;
    ext2_ino_t require_found(const std::string& path) const;
    // Nothing if there is no such directory. Throws Error (user) for what cannot be a name.
    std::optional<Place> find_place(const std::string& path) const;
    // Where something is to be made: the parent is there and may take names.
    Place require_place(const std::string& path) const;
    void require_absent(const Place& place, const std::string& path) const;
    // Removes a file or link in the way; throws for a directory.
    void clear(const Place& place, const std::string& path);
    void remove_tree(const Place& place, ext2_ino_t number, int depth);
    void write_content(ext2_ino_t number, GuestContent& content) const;
    void set_attributes(ext2_ino_t number, const GuestAttributes& attributes) const;

    // Runs a change; after one that failed there are no more.
    template <class Work>
    void change(const std::string& path, std::string_view doing, Work&& work);

    ExtFileSystem fs_;
    bool failed_ = false;
};

} // namespace ctx
