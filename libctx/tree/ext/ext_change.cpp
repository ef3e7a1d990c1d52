#include <algorithm>
#include <memory>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include <ctx/base/text.hpp>
#include <ctx/ext_tree.hpp>

#include "tree/ext/ext_tree.hpp"

namespace ctx {

namespace {

constexpr std::uint16_t most_links = 65000; // ext4's own; a directory may have more, but not by libext2fs

struct CloseFile {
    void operator()(ext2_file_t file) const { ext2fs_file_close(file); }
};

// The upper halves are in a union of what several systems keep there.
// NOLINTBEGIN(cppcoreguidelines-pro-type-union-access)
void set_owner_of(ext2_inode_large& inode, uid_t uid, gid_t gid)
{
    inode.i_uid = static_cast<std::uint16_t>(uid & 0xffffU);
    inode.osd2.linux2.l_i_uid_high = static_cast<std::uint16_t>(uid >> 16U);
    inode.i_gid = static_cast<std::uint16_t>(gid & 0xffffU);
    inode.osd2.linux2.l_i_gid_high = static_cast<std::uint16_t>(gid >> 16U);
}
// NOLINTEND(cppcoreguidelines-pro-type-union-access)

void set_mode_of(ext2_inode_large& inode, mode_t mode)
{
    inode.i_mode = static_cast<std::uint16_t>((inode.i_mode & LINUX_S_IFMT) | (mode & 07777U));
}

void set_mtime_of(ext2_inode_large& inode, std::int64_t time)
{
    constexpr std::int64_t first = INT32_MIN;
    constexpr std::int64_t last = (std::int64_t{1} << 34) + INT32_MIN - 1;
    time = std::clamp(time, first, last);
    const auto seconds = static_cast<std::uint32_t>(time);
    inode.i_mtime = seconds;
    inode.i_mtime_extra = static_cast<std::uint32_t>((time - static_cast<std::int32_t>(seconds)) >> 32);
}

} // namespace

template <class Work>
void ExtTree::change(const std::string& path, std::string_view doing, Work&& work)
{
    if (failed_)
        throw Error(Blame::user, "no more changes: one of this file system failed").at(printable(path));
    failed_ = true;
    while_doing(fmt::format("{} '{}'", doing, printable(path)), std::forward<Work>(work));
    failed_ = false;
}

ext2_ino_t ExtTree::require_found(const std::string& path) const
{
    const std::optional<ext2_ino_t> found = find(path, LastLink::itself);
    if (!found) throw Error(Blame::user, "the guest has no such file").at(printable(path));
    return *found;
}

std::optional<ExtTree::Place> ExtTree::find_place(const std::string& path) const
{
    const std::size_t end = path.find_last_not_of('/');
    if (end == std::string::npos) return Place{.directory = EXT2_ROOT_INO, .name = {}};
    const std::size_t slash = path.rfind('/', end);
    if (slash == std::string::npos) throw Error(Blame::user, "not an absolute path").at(printable(path));
    Place place{.directory = 0, .name = path.substr(slash + 1, end - slash)};
    if (place.name == "." || place.name == ".." || place.name.size() > EXT2_NAME_LEN ||
        place.name.find('\0') != std::string::npos)
        throw Error(Blame::user, "not a name that a file can have").at(printable(path));
    const std::optional<ext2_ino_t> parent = find(path.substr(0, slash + 1), LastLink::followed);
    if (!parent) return std::nullopt;
    place.directory = *parent;
    return place;
}

ExtTree::Place ExtTree::require_place(const std::string& path) const
{
    const std::optional<Place> place = find_place(path);
    if (!place) throw Error(Blame::user, "the guest has no directory for it").at(printable(path));
    const ext2_inode_large inode = fs_.inode(place->directory);
    if (!LINUX_S_ISDIR(inode.i_mode))
        throw Error(Blame::user, "the guest has no directory for it").at(printable(path));
    if ((inode.i_flags & EXT4_CASEFOLD_FL) != 0)
        throw Error(Blame::user, "its directory takes upper and lower case for the same")
            .at(printable(path))
            .mend("use the engine guestfs (--engine guestfs)");
    return *place;
}

void ExtTree::require_absent(const Place& place, const std::string& path) const
{
    if (place.name.empty() || fs_.lookup(place.directory, place.name))
        throw Error(Blame::user, "the guest has something there already").at(printable(path));
}

void ExtTree::clear(const Place& place, const std::string& path)
{
    if (place.name.empty()) throw Error(Blame::user, "the guest has a directory there").at(printable(path));
    const std::optional<ext2_ino_t> old = fs_.lookup(place.directory, place.name);
    if (!old) return;
    if (LINUX_S_ISDIR(fs_.inode(*old).i_mode))
        throw Error(Blame::user, "the guest has a directory there").at(printable(path));
    fs_.unlink(place.directory, place.name);
    fs_.drop_link(*old);
}

void ExtTree::set_attributes(ext2_ino_t number, const GuestAttributes& attributes) const
{
    ext2_inode_large inode = fs_.inode(number);
    set_owner_of(inode, attributes.uid, attributes.gid);
    if (!LINUX_S_ISLNK(inode.i_mode)) set_mode_of(inode, attributes.mode);
    inode.i_atime = inode.i_ctime = fs_.now();
    set_mtime_of(inode, attributes.mtime.value_or(fs_.now()));
    fs_.write_inode(number, inode);
}

void ExtTree::make_directory(const std::string& path, const GuestAttributes& attributes)
{
    change(path, "making the directory", [&] {
        const Place place = require_place(path);
        require_absent(place, path);
        if (fs_.inode(place.directory).i_links_count >= most_links)
            throw Error(Blame::user, "the directory has too many directories in it").at(printable(path));
        fs_.with_room(
            place.directory, [&] { return ext2fs_mkdir(fs_.get(), place.directory, 0, place.name.c_str()); },
            "make a directory");
        fs_.touch(place.directory);
        set_attributes(fs_.lookup(place.directory, place.name).value(), attributes);
    });
}

void ExtTree::write_content(ext2_ino_t number, GuestContent& content) const
{
    ext2_file_t opened = nullptr;
    fs_.require(ext2fs_file_open(fs_.get(), number, EXT2_FILE_WRITE, &opened), "open a file");
    std::unique_ptr<std::remove_pointer_t<ext2_file_t>, CloseFile> file(opened);
    while (const std::optional<GuestContent::Piece> piece = content.next()) {
        fs_.require(ext2fs_file_llseek(file.get(), piece->offset, EXT2_SEEK_SET, nullptr), "write a file");
        std::string_view left = piece->data;
        while (!left.empty()) {
            unsigned count = 0;
            const auto wanted = static_cast<unsigned>(std::min<std::size_t>(left.size(), 1 << 24));
            fs_.require(ext2fs_file_write(file.get(), left.data(), wanted, &count), "write a file");
            left.remove_prefix(count);
        }
    }
    __u64 size = 0;
    fs_.require(ext2fs_file_get_lsize(file.get(), &size), "write a file");
    // A hole at the end.
    if (size < content.size())
        fs_.require(ext2fs_file_set_size2(file.get(), static_cast<ext2_off64_t>(content.size())),
                    "write a file");
    fs_.require(ext2fs_file_close(file.release()), "write a file");
}

void ExtTree::write_file(const std::string& path, GuestContent& content, const GuestAttributes& attributes)
{
    change(path, "writing the file", [&] {
        const Place place = require_place(path);
        clear(place, path);
        const ext2_ino_t number = fs_.make_inode(place.directory, LINUX_S_IFREG | 0600, 1);
        write_content(number, content);
        set_attributes(number, attributes);
        fs_.link(place.directory, place.name, number, EXT2_FT_REG_FILE);
    });
}

void ExtTree::make_symlink(const std::string& path, const std::string& target,
                           const GuestAttributes& attributes)
{
    change(path, "making the link", [&] {
        // One character of a block is the end; what Linux takes is less than a page.
        constexpr std::size_t longest = 4095;
        if (target.empty() || target.size() > std::min<std::size_t>(longest, fs_.get()->blocksize - 1) ||
            target.find('\0') != std::string::npos)
            throw Error(Blame::user, "a link cannot lead there").at(printable(target));
        const Place place = require_place(path);
        clear(place, path);
        fs_.with_room(
            place.directory,
            [&] { return ext2fs_symlink(fs_.get(), place.directory, 0, place.name.c_str(), target.c_str()); },
            "make a link");
        fs_.touch(place.directory);
        set_attributes(fs_.lookup(place.directory, place.name).value(), attributes);
    });
}

void ExtTree::make_hardlink(const std::string& path, const std::string& existing)
{
    change(path, "making a name of a file", [&] {
        const ext2_ino_t number = require_found(existing);
        ext2_inode_large inode = fs_.inode(number);
        if (!LINUX_S_ISREG(inode.i_mode))
            throw Error(Blame::user, "the guest has no regular file there").at(printable(existing));
        const Place place = require_place(path);
        if (fs_.lookup(place.directory, place.name) == number) return; // as link(2) and rename(2) have it
        if (inode.i_links_count >= most_links)
            throw Error(Blame::user, "the file has too many names").at(printable(existing));
        ++inode.i_links_count;
        inode.i_ctime = fs_.now();
        inode.i_ctime_extra = 0;
        fs_.write_inode(number, inode);
        clear(place, path);
        fs_.link(place.directory, place.name, number, EXT2_FT_REG_FILE);
    });
}

void ExtTree::remove_tree(const Place& place, ext2_ino_t number, int depth)
{
    // A directory that is in itself, on a damaged disk, ends here too.
    constexpr int deepest = 1024;
    if (depth > deepest) throw Error(Blame::user, "directories too deep within each other");
    if (!LINUX_S_ISDIR(fs_.inode(number).i_mode)) {
        fs_.unlink(place.directory, place.name);
        fs_.drop_link(number);
        return;
    }
    std::vector<std::pair<std::string, ext2_ino_t>> names;
    fs_.each_name(number, [&](std::string_view name, ext2_ino_t inode) {
        if (inode == EXT2_ROOT_INO || inode == number)
            throw Error(Blame::user, "the guest's file system is damaged")
                .because("a directory is in itself")
                .mend("e2fsck -f on it may say more");
        names.emplace_back(name, inode);
    });
    for (const auto& [name, inode] : names) remove_tree({number, name}, inode, depth + 1);
    fs_.unlink(place.directory, place.name);
    fs_.release(number);
    ext2_inode_large parent = fs_.inode(place.directory);
    // 1 stands for more than can be counted.
    if (parent.i_links_count > 2) {
        --parent.i_links_count;
        fs_.write_inode(place.directory, parent);
    }
}

void ExtTree::remove(const std::string& path)
{
    change(path, "removing", [&] {
        const std::optional<Place> place = find_place(path);
        if (!place) return;
        if (place->name.empty()) throw Error(Blame::user, "the guest's root is not removed");
        const std::optional<ext2_ino_t> number = fs_.lookup(place->directory, place->name);
        if (number) remove_tree(*place, *number, 0);
    });
}

void ExtTree::set_owner(const std::string& path, uid_t uid, gid_t gid)
{
    change(path, "giving to its owner", [&] {
        const ext2_ino_t number = require_found(path);
        ext2_inode_large inode = fs_.inode(number);
        set_owner_of(inode, uid, gid);
        if (LINUX_S_ISREG(inode.i_mode)) {
            inode.i_mode = static_cast<std::uint16_t>(inode.i_mode & ~LINUX_S_ISUID);
            if ((inode.i_mode & LINUX_S_IXGRP) != 0)
                inode.i_mode = static_cast<std::uint16_t>(inode.i_mode & ~LINUX_S_ISGID);
        }
        inode.i_ctime = fs_.now();
        inode.i_ctime_extra = 0;
        fs_.write_inode(number, inode);
    });
}

void ExtTree::set_mode(const std::string& path, mode_t mode)
{
    change(path, "setting the mode of", [&] {
        const ext2_ino_t number = require_found(path);
        ext2_inode_large inode = fs_.inode(number);
        if (LINUX_S_ISLNK(inode.i_mode)) throw Error(Blame::user, "a link has no mode").at(printable(path));
        set_mode_of(inode, mode);
        inode.i_ctime = fs_.now();
        inode.i_ctime_extra = 0;
        fs_.write_inode(number, inode);
    });
}

void ExtTree::set_xattr(const std::string& path, const std::string& name, std::string_view value)
{
    change(path, "setting an attribute of", [&] {
        const ext2_ino_t number = require_found(path);
        const XattrHandle handle = open_xattrs(fs_, number);
        fs_.require(ext2fs_xattr_set(handle.get(), name.c_str(), value.data(), value.size()),
                    "set an extended attribute");
    });
}

void ExtTree::set_mtime(const std::string& path, std::int64_t mtime)
{
    change(path, "setting the time of", [&] {
        const ext2_ino_t number = require_found(path);
        ext2_inode_large inode = fs_.inode(number);
        set_mtime_of(inode, mtime);
        inode.i_ctime = fs_.now();
        inode.i_ctime_extra = 0;
        fs_.write_inode(number, inode);
    });
}

void ExtTree::close()
{
    if (failed_)
        throw Error(Blame::user, "the changes are not kept: one of them failed")
            .because("the file system may be half changed");
    failed_ = true;
    fs_.close();
}

std::unique_ptr<GuestTree> read_ext_tree(const BlockReader& device)
{
    return std::make_unique<ExtTree>(device, nullptr, 0);
}

std::unique_ptr<GuestTree> open_ext_tree(BlockDevice& device, std::int64_t now)
{
    return std::make_unique<ExtTree>(device, &device, now);
}

} // namespace ctx
