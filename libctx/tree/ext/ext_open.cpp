#include <ctime>
#include <utility>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/ext_tree.hpp>

#include "tree/ext/ext_file_system.hpp"

namespace ctx {

namespace {

constexpr auto other_engine = "use the engine guestfs (--engine guestfs)";

// What stands in the way of a change that e2fsck would agree with.
struct Obstacle {
    std::string why; // empty: nothing does
    std::string remedy;
};

Obstacle obstacle_of(ext2_super_block* super)
{
    constexpr auto start_once = "start a guest from the image once and shut it down properly, or e2fsck it";
    if (ext2fs_has_feature_journal_needs_recovery(super) || super->s_last_orphan != 0 ||
        (super->s_feature_ro_compat & EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT) != 0)
        return {"its journal was not played back: it was not unmounted", start_once};
    if ((super->s_state & EXT2_ERROR_FS) != 0)
        return {"it is marked as damaged", "repair it: e2fsck -f on it"};
    if ((super->s_state & EXT2_VALID_FS) == 0) return {"it was not unmounted", start_once};
    if (ext2fs_has_feature_journal(super) && super->s_journal_inum == 0)
        return {"its journal is on another disk", other_engine};
    if (ext2fs_has_feature_quota(super))
        return {"it keeps quotas, which would no longer be right", other_engine};
    if (ext2fs_has_feature_mmp(super)) return {"it is protected against several mounts (MMP)", other_engine};
    if (ext2fs_has_feature_shared_blocks(super) || ext2fs_has_feature_readonly(super))
        return {"it says that it is not to be changed", "make a copy of it that may be"};
    return {};
}

std::string words_for(errcode_t answer)
{
    // Codes below are errno's; com_err knows both.
    return error_message(answer);
}

} // namespace

ExtFileSystem::ExtFileSystem(const BlockReader& reader, BlockDevice* writer, std::int64_t now)
    : channel_(reader, writer), now_(static_cast<std::uint32_t>(now))
{
    initialize_ext2_error_table();
    const std::string name = channel_.name();
    // libext2fs does the work of MMP on a file of that name: there is none.
    const int flags = EXT2_FLAG_64BITS | EXT2_FLAG_SKIP_MMP | (writer != nullptr ? EXT2_FLAG_RW : 0);
    ext2_filsys opened = nullptr;
    const errcode_t answer =
        ext2fs_open2(name.c_str(), nullptr, flags, 0, 0, ChannelDevice::manager(), &opened);
    fs_.reset(opened);
    require(answer, "open the file system");
    fs_->now = static_cast<time_t>(now);
    if (writer == nullptr) return;
    require_changeable();
    require(ext2fs_read_bitmaps(fs_.get()), "read its bitmaps");
}

void ExtFileSystem::require_changeable() const
{
    Obstacle obstacle = obstacle_of(fs_->super);
    if (obstacle.why.empty()) return;
    throw Error(Blame::user, "this ext file system cannot be changed as it is")
        .because(std::move(obstacle.why))
        .mend(std::move(obstacle.remedy));
}

std::string ext_obstacle(const BlockReader& device)
{
    const ExtFileSystem fs(device, nullptr, 0);
    return obstacle_of(fs.get()->super).why;
}

void ExtFileSystem::require(errcode_t answer, std::string_view doing) const
{
    if (answer == 0) return;
    channel_.rethrow();
    const std::string problem = fmt::format("cannot {}", doing);
    switch (answer) {
    case EXT2_ET_BLOCK_ALLOC_FAIL:
    case EXT2_ET_DIR_NO_SPACE:
        throw Error(Blame::user, problem)
            .because("the guest's file system is full")
            .mend("use an image with more room, or a context with less");
    case EXT2_ET_INODE_ALLOC_FAIL:
        throw Error(Blame::user, problem)
            .because("the guest's file system has no free inodes")
            .mend("make its file system with more inodes (mke2fs -N)");
    case EXT2_ET_EA_NO_SPACE:
        throw Error(Blame::user, problem)
            .because("the file has no room for more extended attributes")
            .mend("set fewer or shorter ones");
    case EXT2_ET_UNSUPP_FEATURE:
    case EXT2_ET_RO_UNSUPP_FEATURE:
        throw Error(Blame::user, problem).because("it has features unknown here").mend(other_engine);
    case EXT2_ET_NO_MEMORY: throw Error(Blame::node, problem).because("there is not enough memory");
    default:
        throw Error(Blame::user, problem)
            .because(words_for(answer))
            .mend("the file system is damaged: e2fsck -f on it may say more");
    }
}

void ExtFileSystem::close()
{
    require(ext2fs_flush2(fs_.get(), 0), "write the file system");
    fs_.reset();
}

} // namespace ctx
