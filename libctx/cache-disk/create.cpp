#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>
#include <ctx/base/process.hpp>
#include <ctx/base/text.hpp>
#include <ctx/cache_disk.hpp>

#include "cache-disk/ext4.hpp"

namespace ctx {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t mebibyte = 1 << 20;
constexpr std::uint64_t smallest = 64 * mebibyte; // µCernVM formatted 54 MB; there is no use in less
constexpr std::uint64_t largest = mebibyte * 1024 * 16384;

using Format = CacheDiskOptions::Format;
using For = CacheDiskOptions::For;

void require_good(const fs::path& path, const CacheDiskOptions& options)
{
    if (options.size % mebibyte != 0 || options.size < smallest || options.size > largest)
        throw Error(Blame::user, "a cache disk cannot have this size")
            .at(format_size(options.size))
            .because("it is whole MiB, from 64M to 16384G")
            .mend("10G to 20G is sensible");
    struct stat there{};
    if (::lstat(path.c_str(), &there) == 0)
        throw Error(Blame::user, "the cache disk is there already")
            .at(path.string())
            .mend("remove it first, or name another: it may be one that a guest has filled");
}

void run_qemu_img(std::vector<std::string> words, const Deadline& deadline)
{
    words.insert(words.begin(), "/usr/bin/qemu-img");
    run_checked({.argv = std::move(words)}, deadline);
}

void make_raw(const AtomicFile& file, const CacheDiskOptions& options)
{
    if (::ftruncate(file.fd(), static_cast<off_t>(options.size)) < 0)
        throw system_error("cannot make a file of this size", file.temporary_path().string(), errno);
    if (options.purpose == For::cvmfs) make_ext4(file.temporary_path(), options.size, cvmfs_cache_label);
}

// Over the temporary file, whose name stays.
void make_qcow2(const AtomicFile& file, const fs::path& path, const CacheDiskOptions& options,
                const Deadline& deadline)
{
    const std::string to = file.temporary_path().string();
    if (options.purpose == For::cernvm) {
        run_qemu_img({"create", "-q", "-f", "qcow2", to, std::to_string(options.size)}, deadline);
        return;
    }
    const AtomicFile raw(path, 0600);
    make_raw(raw, options);
    run_qemu_img({"convert", "-f", "raw", "-O", "qcow2", raw.temporary_path().string(), to}, deadline);
}

} // namespace

std::uint64_t cvmfs_quota(std::uint64_t disk_size)
{
    return disk_size / mebibyte * 82 / 100;
}

void create_cache_disk(const fs::path& path, const CacheDiskOptions& options, const Deadline& deadline)
{
    require_good(path, options);
    AtomicFile file(path, 0600);
    if (options.format == Format::raw)
        make_raw(file, options);
    else
        make_qcow2(file, path, options, deadline);
    file.publish();
}

} // namespace ctx
