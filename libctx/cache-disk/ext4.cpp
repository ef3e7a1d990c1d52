#include "cache-disk/ext4.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>

#include <ext2fs/ext2fs.h>

#include <fmt/format.h>

#include <ctx/base/digest.hpp>
#include <ctx/base/error.hpp>

namespace ctx {

namespace {

struct FreeFilesystem {
    void operator()(ext2_filsys filesystem) const { ext2fs_free(filesystem); }
};
using FilesystemHandle = std::unique_ptr<std::remove_pointer_t<ext2_filsys>, FreeFilesystem>;

constexpr std::uint64_t block_size = 4096;
constexpr std::uint32_t inode_size = 256;
// As mke2fs: an inode for 16 KiB.
constexpr std::uint64_t bytes_per_inode = 16384;
constexpr std::uint32_t one_date = 1; // 0 stands for "never" in places

class Maker {
public:
    Maker(const std::filesystem::path& file, std::uint64_t size, std::string_view label)
        : file_(file), size_(size), label_(label), id_(sha256_hex(fmt::format("{} {}", size, label)))
    {
    }

    void make()
    {
        initialize();
        tables();
        directories();
        journal();
        check(ext2fs_flush2(filesystem_.get(), 0), "cannot be written");
    }

private:
    void check(errcode_t result, const char* what) const
    {
        if (result != 0)
            throw Error(Blame::node, "the ext4 file system cannot be made")
                .at(file_.string())
                .because(fmt::format("{}: {}", what, error_message(result)));
    }

    void initialize()
    {
        ext2_super_block wanted{};
        wanted.s_rev_level = EXT2_DYNAMIC_REV;
        wanted.s_log_block_size = 2; // 4096
        wanted.s_log_cluster_size = 2;
        wanted.s_inode_size = inode_size;
        ext2fs_blocks_count_set(&wanted, size_ / block_size);
        wanted.s_inodes_count =
            static_cast<std::uint32_t>(std::min<std::uint64_t>(size_ / bytes_per_inode, UINT32_MAX - 1));
        set_features(wanted);
        ext2_filsys made = nullptr;
        check(ext2fs_initialize(file_.c_str(), EXT2_FLAG_64BITS | EXT2_FLAG_EXCLUSIVE, &wanted,
                                unix_io_manager, &made),
              "no file system of this size");
        filesystem_.reset(made);
        made->now = one_date;
        made->umask = 022;
        identify(*made->super);
    }

    // The features of a plain `mke2fs -t ext4`, but for resizing it later.
    static void set_features(ext2_super_block& super)
    {
        super.s_feature_compat = EXT2_FEATURE_COMPAT_EXT_ATTR | EXT2_FEATURE_COMPAT_DIR_INDEX;
        super.s_feature_incompat = EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_EXTENTS |
                                   EXT4_FEATURE_INCOMPAT_FLEX_BG | EXT4_FEATURE_INCOMPAT_64BIT;
        super.s_feature_ro_compat = EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE |
                                    EXT4_FEATURE_RO_COMPAT_HUGE_FILE | EXT4_FEATURE_RO_COMPAT_DIR_NLINK |
                                    EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE | EXT4_FEATURE_RO_COMPAT_METADATA_CSUM;
        super.s_log_groups_per_flex = 4;
        super.s_desc_size = EXT2_MIN_DESC_SIZE_64BIT;
    }

    // Bytes of a digest in the place of random ones.
    void identify(ext2_super_block& super) const
    {
        const auto take = [&](std::size_t from, unsigned char* into, std::size_t count) {
            for (std::size_t i = 0; i < count; ++i)
                into[i] = static_cast<unsigned char>(std::stoi(id_.substr(2 * (from + i), 2), nullptr, 16));
        };
        take(0, super.s_uuid, sizeof super.s_uuid);
        super.s_uuid[6] = static_cast<unsigned char>((super.s_uuid[6] & 0x0fU) | 0x80U); // version 8: our own
        super.s_uuid[8] = static_cast<unsigned char>((super.s_uuid[8] & 0x3fU) | 0x80U);
        take(16, reinterpret_cast<unsigned char*>(super.s_hash_seed), sizeof super.s_hash_seed);
        super.s_def_hash_version = EXT2_HASH_HALF_MD4;
        super.s_flags =
            (super.s_flags & ~static_cast<std::uint32_t>(EXT2_FLAGS_SIGNED_HASH)) | EXT2_FLAGS_UNSIGNED_HASH;
        super.s_min_extra_isize = super.s_want_extra_isize = inode_size - EXT2_GOOD_OLD_INODE_SIZE - 96;
        std::memcpy(super.s_volume_name, label_.data(), std::min(label_.size(), sizeof super.s_volume_name));
        super.s_default_mount_opts = EXT2_DEFM_XATTR_USER | EXT2_DEFM_ACL;
        super.s_checksum_type = EXT2_CRC32C_CHKSUM;
        super.s_max_mnt_count = -1;
        super.s_checkinterval = 0;
        super.s_mkfs_time = super.s_lastcheck = super.s_wtime = one_date;
        super.s_kbytes_written = 1;
        super.s_r_blocks_count = 0;
        ext2fs_init_csum_seed(filesystem_.get());
    }

    // Tables of inodes are not written: the file reads as zeros, and the groups say that they were zeroed.
    void tables()
    {
        ext2_filsys filesystem = filesystem_.get();
        check(ext2fs_allocate_tables(filesystem), "no room for its tables");
        check(ext2fs_convert_subcluster_bitmap(filesystem, &filesystem->block_map), "its bitmap");
        for (dgrp_t group = 0; group < filesystem->group_desc_count; ++group) {
            ext2fs_bg_flags_set(filesystem, group, EXT2_BG_INODE_ZEROED);
            ext2fs_bg_flags_set(filesystem, group, EXT2_BG_INODE_UNINIT);
            ext2fs_bg_itable_unused_set(filesystem, group, filesystem->super->s_inodes_per_group);
            ext2fs_group_desc_csum_set(filesystem, group);
        }
    }

    void directories()
    {
        ext2_filsys filesystem = filesystem_.get();
        check(ext2fs_mkdir(filesystem, EXT2_ROOT_INO, EXT2_ROOT_INO, nullptr), "the root directory");
        // Room for what e2fsck may find, as mke2fs makes it.
        filesystem->umask = 077;
        check(ext2fs_mkdir(filesystem, EXT2_ROOT_INO, 0, "lost+found"), "lost+found");
        ext2_ino_t lost = 0;
        check(ext2fs_lookup(filesystem, EXT2_ROOT_INO, "lost+found", 10, nullptr, &lost), "lost+found");
        for (int blocks = 1; blocks < 4; ++blocks) check(ext2fs_expand_dir(filesystem, lost), "lost+found");
        for (ext2_ino_t inode = EXT2_ROOT_INO + 1; inode < EXT2_FIRST_INODE(filesystem->super); ++inode)
            ext2fs_inode_alloc_stats2(filesystem, inode, 1, 0);
        ext2fs_inode_alloc_stats2(filesystem, EXT2_BAD_INO, 1, 0);
        check(ext2fs_update_bb_inode(filesystem, nullptr), "the list of bad blocks");
    }

    void journal()
    {
        ext2_filsys filesystem = filesystem_.get();
        const int blocks = ext2fs_default_journal_size(ext2fs_blocks_count(filesystem->super));
        ext2fs_journal_params size{};
        size.num_journal_blocks = static_cast<blk_t>(std::max(blocks, 0));
        constexpr blk64_t anywhere = ~0ULL;
        check(ext2fs_add_journal_inode3(filesystem, &size, anywhere, EXT2_MKJOURNAL_LAZYINIT), "the journal");
    }

    const std::filesystem::path& file_;
    std::uint64_t size_;
    std::string_view label_;
    std::string id_;
    FilesystemHandle filesystem_;
};

} // namespace

void make_ext4(const std::filesystem::path& file, std::uint64_t size, std::string_view label)
{
    initialize_ext2_error_table();
    Maker(file, size, label).make();
}

} // namespace ctx
