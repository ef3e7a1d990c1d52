#include "tree/ext/ext_file_system.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

namespace ctx {

namespace {

ext2_inode* plain(ext2_inode_large& inode)
{
    return reinterpret_cast<ext2_inode*>(&inode);
}

[[noreturn]] void damaged(std::string why)
{
    throw Error(Blame::user, "the guest's file system is damaged")
        .because(std::move(why))
        .mend("e2fsck -f on it may say more");
}

// What a callback of a directory walk works on. Nothing may be thrown through libext2fs.
struct Walk {
    const std::function<void(std::string_view, ext2_ino_t)>& take;
    std::exception_ptr failure;
};

int visit(ext2_ino_t, int, ext2_dir_entry* entry, int, int, char*, void* data)
{
    auto& walk = *static_cast<Walk*>(data);
    try {
        const std::string_view name(&entry->name[0], static_cast<std::size_t>(ext2fs_dirent_name_len(entry)));
        if (name == "." || name == "..") return 0;
        if (name.empty() || name.find('/') != std::string_view::npos ||
            name.find('\0') != std::string_view::npos)
            damaged("a directory has an impossible name in it");
        walk.take(name, entry->inode);
        return 0;
    } catch (...) {
        walk.failure = std::current_exception();
        return DIRENT_ABORT;
    }
}

} // namespace

ext2_inode_large ExtFileSystem::inode(ext2_ino_t number) const
{
    ext2_inode_large inode{};
    require(ext2fs_read_inode_full(fs_.get(), number, plain(inode), sizeof inode), "read an inode");
    return inode;
}

void ExtFileSystem::write_inode(ext2_ino_t number, ext2_inode_large& inode) const
{
    require(ext2fs_write_inode_full(fs_.get(), number, plain(inode), sizeof inode), "write an inode");
}

std::optional<ext2_ino_t> ExtFileSystem::lookup(ext2_ino_t directory, const std::string& name) const
{
    const ext2_inode_large inode = this->inode(directory);
    if (!LINUX_S_ISDIR(inode.i_mode)) return std::nullopt;
    if ((inode.i_flags & EXT4_ENCRYPT_FL) != 0)
        throw Error(Blame::user, "the guest keeps this directory encrypted")
            .because("its names and files can be read with a key of the guest only")
            .mend("name a place outside of it");
    if (name.size() > EXT2_NAME_LEN) return std::nullopt;
    ext2_ino_t found = 0;
    const errcode_t answer =
        ext2fs_lookup(fs_.get(), directory, name.c_str(), static_cast<int>(name.size()), nullptr, &found);
    if (answer == EXT2_ET_FILE_NOT_FOUND) return std::nullopt;
    require(answer, "look into a directory");
    // A removed directory's number, an inode of the file system's own: what is there is no file.
    if (found != EXT2_ROOT_INO && found < EXT2_FIRST_INODE(fs_->super))
        damaged(fmt::format("a name leads to the reserved inode {}", found));
    return found;
}

void ExtFileSystem::each_name(ext2_ino_t directory,
                              const std::function<void(std::string_view, ext2_ino_t)>& take) const
{
    Walk walk{.take = take, .failure = nullptr};
    const errcode_t answer = ext2fs_dir_iterate2(fs_.get(), directory, 0, nullptr, visit, &walk);
    if (walk.failure) std::rethrow_exception(walk.failure);
    require(answer, "read a directory");
}

std::string ExtFileSystem::link_target(ext2_ino_t number) const
{
    ext2_inode_large inode = this->inode(number);
    const std::uint64_t size = EXT2_I_SIZE(plain(inode));
    constexpr std::uint64_t longest = 65535; // less than the largest block
    if (size > longest) damaged("a link has an impossible length");
    std::string target(static_cast<std::size_t>(size), '\0');
    if (ext2fs_is_fast_symlink(plain(inode)) != 0) {
        if (size > sizeof inode.i_block) damaged("a link has an impossible length");
        std::copy_n(reinterpret_cast<const char*>(&inode.i_block[0]), target.size(), target.begin());
        return target;
    }
    ext2_file_t file = nullptr;
    require(ext2fs_file_open2(fs_.get(), number, plain(inode), 0, &file), "read a link");
    unsigned got = 0;
    const errcode_t answer =
        ext2fs_file_read(file, target.data(), static_cast<unsigned>(target.size()), &got);
    ext2fs_file_close(file);
    require(answer, "read a link");
    target.resize(got);
    return target;
}

ext2_ino_t ExtFileSystem::make_inode(ext2_ino_t near, std::uint16_t mode, std::uint16_t links) const
{
    ext2_ino_t number = 0;
    require(ext2fs_new_inode(fs_.get(), near, mode, nullptr, &number), "make an inode");
    ext2_inode inode{};
    inode.i_mode = mode;
    inode.i_links_count = links;
    inode.i_atime = inode.i_ctime = inode.i_mtime = now_;
    // Without inline data, where that is a feature: it would be in the way of labels later on.
    if (LINUX_S_ISREG(mode) && ext2fs_has_feature_extents(fs_->super)) {
        ext2_extent_handle_t extents = nullptr;
        require(ext2fs_extent_open2(fs_.get(), number, &inode, &extents), "make an inode");
        ext2fs_extent_free(extents);
    }
    require(ext2fs_write_new_inode(fs_.get(), number, &inode), "make an inode");
    ext2fs_inode_alloc_stats2(fs_.get(), number, +1, 0);
    return number;
}

void ExtFileSystem::with_room(ext2_ino_t directory, const std::function<errcode_t()>& work,
                              std::string_view doing) const
{
    errcode_t answer = work();
    if (answer == EXT2_ET_DIR_NO_SPACE) {
        require(ext2fs_expand_dir(fs_.get(), directory), "make a directory larger");
        answer = work();
    }
    require(answer, doing);
}

void ExtFileSystem::link(ext2_ino_t directory, const std::string& name, ext2_ino_t target, int type) const
{
    with_room(
        directory, [&] { return ext2fs_link(fs_.get(), directory, name.c_str(), target, type); },
        "add a name to a directory");
    touch(directory);
}

void ExtFileSystem::unlink(ext2_ino_t directory, const std::string& name) const
{
    require(ext2fs_unlink(fs_.get(), directory, name.c_str(), 0, 0), "take a name out of a directory");
    touch(directory);
}

void ExtFileSystem::touch(ext2_ino_t directory) const
{
    ext2_inode_large inode = this->inode(directory);
    inode.i_mtime = inode.i_ctime = now_;
    inode.i_mtime_extra = inode.i_ctime_extra = 0;
    write_inode(directory, inode);
}

void ExtFileSystem::drop_link(ext2_ino_t number) const
{
    ext2_inode_large inode = this->inode(number);
    if (inode.i_links_count <= 1) {
        release(number);
        return;
    }
    --inode.i_links_count;
    inode.i_ctime = now_;
    inode.i_ctime_extra = 0;
    write_inode(number, inode);
}

void ExtFileSystem::release(ext2_ino_t number) const
{
    // Values in inodes of their own are counted: each has to be let go by itself.
    if (ext2fs_has_feature_ea_inode(fs_->super)) {
        const XattrHandle handle = open_xattrs(*this, number);
        std::vector<std::string> names;
        ext2fs_xattrs_iterate(
            handle.get(),
            [](char* name, char*, std::size_t, void* data) {
                static_cast<std::vector<std::string>*>(data)->emplace_back(name);
                return 0;
            },
            &names);
        for (const std::string& name : names)
            require(ext2fs_xattr_remove(handle.get(), name.c_str()), "remove an extended attribute");
    }
    ext2_inode_large inode = this->inode(number);
    const bool is_directory = LINUX_S_ISDIR(inode.i_mode);
    inode.i_links_count = 0;
    // A number up to that of the inodes would be the next one in the list of orphans.
    inode.i_dtime = std::max(now_, fs_->super->s_inodes_count);
    require(ext2fs_free_ext_attr(fs_.get(), number, &inode), "free extended attributes");
    if (ext2fs_inode_has_valid_blocks2(fs_.get(), plain(inode)) != 0)
        require(ext2fs_punch(fs_.get(), number, plain(inode), nullptr, 0, ~std::uint64_t{0}),
                "free a file's blocks");
    write_inode(number, inode);
    ext2fs_inode_alloc_stats2(fs_.get(), number, -1, is_directory ? 1 : 0);
}

XattrHandle open_xattrs(const ExtFileSystem& fs, ext2_ino_t number)
{
    ext2_xattr_handle* handle = nullptr;
    fs.require(ext2fs_xattrs_open(fs.get(), number, &handle), "read extended attributes");
    XattrHandle result(handle);
    fs.require(ext2fs_xattrs_read(result.get()), "read extended attributes");
    return result;
}

} // namespace ctx
