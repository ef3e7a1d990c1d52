// Several file systems as the one tree that the guest sees: its root, and what it mounts below it.
#pragma once

#include <map>
#include <memory>
#include <string>

#include <ctx/guest_tree.hpp>

namespace ctx {

class MountedTree : public GuestTree {
public:
    explicit MountedTree(std::unique_ptr<GuestTree> root);

    // A file system at a path of the guest; what the root has there is hidden.
    void mount(const std::string& path, std::unique_ptr<GuestTree> tree);

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
    // Within one file system only, as in the guest.
    void make_hardlink(const std::string& path, const std::string& existing) override;
    // Refused for a directory that has a file system mounted below it.
    void remove(const std::string& path) override;
    void set_owner(const std::string& path, uid_t uid, gid_t gid) override;
    void set_mode(const std::string& path, mode_t mode) override;
    void set_xattr(const std::string& path, const std::string& name, std::string_view value) override;
    void set_mtime(const std::string& path, std::int64_t mtime) override;
    void close() override;

private:
    // A path without links, and the file system it is in.
    struct Place {
        GuestTree* tree = nullptr;
        std::string path; // as that file system has it
    };
    Place place(const std::string& plain) const;
    std::string follow(const std::string& path) const;
    // The place of a path whose last part is, or is not, followed.
    Place of_target(const std::string& path) const { return place(follow(path)); }
    Place of_name(const std::string& path) const;

    std::map<std::string, std::unique_ptr<GuestTree>> trees_; // by where they are mounted; "" is the root
};

} // namespace ctx
