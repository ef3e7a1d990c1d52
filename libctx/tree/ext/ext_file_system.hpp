// An open ext file system: inodes by number, directories by inode. Paths are ext_tree.cpp's business.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <ctx/base/error.hpp>
#include <ctx/block_device.hpp>

#include "tree/ext/block_channel.hpp"

namespace ctx {

class ExtFileSystem {
public:
    // Without `writer`, to be looked at only.
    ExtFileSystem(const BlockReader& reader, BlockDevice* writer, std::int64_t now);

    ext2_filsys get() const { return fs_.get(); }
    std::uint32_t now() const { return now_; }

    // Throws what an answer of libext2fs means: Error (user), or what the device threw.
    void require(errcode_t answer, std::string_view doing) const;

    ext2_inode_large inode(ext2_ino_t number) const;
    void write_inode(ext2_ino_t number, ext2_inode_large& inode) const;

    // Throws Error (user) if the directory is one whose names are not what they seem: encrypted.
    std::optional<ext2_ino_t> lookup(ext2_ino_t directory, const std::string& name) const;
    // Every name but "." and "..".
    void each_name(ext2_ino_t directory,
                   const std::function<void(std::string_view name, ext2_ino_t inode)>& take) const;
    std::string link_target(ext2_ino_t number) const;

    // A new inode of this type and mode, in use, not yet in a directory.
    ext2_ino_t make_inode(ext2_ino_t near, std::uint16_t mode, std::uint16_t links) const;
    // In a directory, which grows if it must; its time of change is set.
    void link(ext2_ino_t directory, const std::string& name, ext2_ino_t target, int type) const;
    void unlink(ext2_ino_t directory, const std::string& name) const;
    // Makes a directory grow where `work` finds no room in it, and repeats it once.
    void with_room(ext2_ino_t directory, const std::function<errcode_t()>& work,
                   std::string_view doing) const;
    // One name less; with the last one all goes that it holds.
    void drop_link(ext2_ino_t number) const;
    void release(ext2_ino_t number) const;
    void touch(ext2_ino_t directory) const;

    // Everything is written to the device.
    void close();

private:
    struct Free {
        void operator()(ext2_filsys fs) const { ext2fs_free(fs); }
    };

    void require_changeable() const;

    mutable ChannelDevice channel_;
    std::uint32_t now_;
    std::unique_ptr<struct_ext2_filsys, Free> fs_; // before the channel it stands on
};

// The extended attributes of an inode.
struct CloseXattrs {
    void operator()(ext2_xattr_handle* handle) const { ext2fs_xattrs_close(&handle); }
};
using XattrHandle = std::unique_ptr<ext2_xattr_handle, CloseXattrs>;
XattrHandle open_xattrs(const ExtFileSystem& fs, ext2_ino_t number);

} // namespace ctx
