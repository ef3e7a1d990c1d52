// Cache disks: what CernVM(-FS) fills at run time. Made in a few milliseconds, sparse, without root or loop
// devices; the same size gives the same bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include <ctx/base/deadline.hpp>

namespace ctx {

struct CacheDiskOptions {
    enum class For {
        cernvm, // blank and without partitions: what µCernVM takes for its scratch disk
        cvmfs,  // ext4 labelled CVMFSCACHE, for guests with the cvmfs client
    } purpose = For::cernvm;
    enum class Format { raw, qcow2 } format = Format::raw;
    std::uint64_t size = 0; // bytes, as the guest sees it; whole MiB
};

inline constexpr std::string_view cvmfs_cache_label = "CVMFSCACHE";

// What CVMFS_QUOTA_LIMIT of such a disk should be, in MB: the cache grows beyond it for a while.
std::uint64_t cvmfs_quota(std::uint64_t disk_size);

// Appears under its name when it is complete, mode 0600; a file that is there is left alone. Throws Error:
// user for a size that cannot be or a name that is taken, node for the rest.
void create_cache_disk(const std::filesystem::path& path, const CacheDiskOptions& options,
                       const Deadline& deadline);

} // namespace ctx
