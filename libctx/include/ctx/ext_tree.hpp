// The guest tree of an ext2, ext3 or ext4 file system, by libext2fs: neither mounted nor known to the kernel.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <ctx/block_device.hpp>
#include <ctx/guest_tree.hpp>

namespace ctx {

// To look only. A journal that was not played back is not looked at: what is in it is missing.
std::unique_ptr<GuestTree> read_ext_tree(const BlockReader& device);

// To change. Refused (Error, user) is what could not be left as e2fsck wants it: a file system that was not
// unmounted cleanly or has errors, a journal to be played back, quotas that the kernel keeps in hidden files,
// features that libext2fs does not know. `now`, in seconds since 1970, is the time of all changes. After an
// Error from a change, no more are taken and close() fails: the file system may be half changed.
std::unique_ptr<GuestTree> open_ext_tree(BlockDevice& device, std::int64_t now);

// Why open_ext_tree() would refuse; empty if it would not.
std::string ext_obstacle(const BlockReader& device);

} // namespace ctx
