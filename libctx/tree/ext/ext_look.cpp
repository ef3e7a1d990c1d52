#include <algorithm>
#include <memory>
#include <type_traits>

#include <fmt/format.h>

#include <ctx/base/text.hpp>

#include "tree/ext/ext_tree.hpp"

namespace ctx {

namespace {

struct FreeMemory {
    void operator()(void* memory) const { ext2fs_free_mem(static_cast<void*>(&memory)); }
};

struct CloseFile {
    void operator()(ext2_file_t file) const { ext2fs_file_close(file); }
};

GuestEntry::Kind kind_of(std::uint16_t mode)
{
    if (LINUX_S_ISREG(mode)) return GuestEntry::Kind::file;
    if (LINUX_S_ISDIR(mode)) return GuestEntry::Kind::directory;
    if (LINUX_S_ISLNK(mode)) return GuestEntry::Kind::link;
    return GuestEntry::Kind::other;
}

// The seconds of a time are signed; two more bits of it are among its nanoseconds.
std::int64_t time_of(std::uint32_t seconds, std::uint32_t extra)
{
    return std::int64_t{static_cast<std::int32_t>(seconds)} + (std::int64_t{extra & 3U} << 32U);
}

} // namespace

std::optional<ext2_ino_t> ExtTree::find(const std::string& path, LastLink last) const
{
    if (!path.starts_with('/') || path.find('\0') != std::string::npos)
        throw Error(Blame::user, "not an absolute path").at(printable(path));
    constexpr int most_links = 40; // as Linux
    int links = 0;
    // Directories from the root to where we are, for "..".
    std::vector<ext2_ino_t> at = {EXT2_ROOT_INO};
    std::vector<std::string> left = split(path, '/'); // the next part last
    std::ranges::reverse(left);
    const auto is_last = [&] {
        return std::ranges::all_of(left, [](const std::string& part) { return part.empty() || part == "."; });
    };
    while (!left.empty()) {
        const std::string part = std::move(left.back());
        left.pop_back();
        if (part.empty() || part == ".") continue;
        if (part == "..") {
            if (at.size() > 1) at.pop_back();
            continue;
        }
        const std::optional<ext2_ino_t> found = fs_.lookup(at.back(), part);
        if (!found) return std::nullopt;
        if (!LINUX_S_ISLNK(fs_.inode(*found).i_mode) || (is_last() && last == LastLink::itself)) {
            at.push_back(*found);
            continue;
        }
        if (++links > most_links) throw Error(Blame::user, "too many links").at(printable(path));
        const std::string target = fs_.link_target(*found);
        if (target.empty()) return std::nullopt;
        if (target.starts_with('/')) at.resize(1);
        std::vector<std::string> parts = split(target, '/');
        left.insert(left.end(), parts.rbegin(), parts.rend());
    }
    return at.back();
}

std::optional<GuestEntry> ExtTree::entry(const std::string& path) const
{
    const std::optional<ext2_ino_t> found = find(path, LastLink::itself);
    if (!found) return std::nullopt;
    ext2_inode_large inode = fs_.inode(*found);
    GuestEntry entry{.kind = kind_of(inode.i_mode),
                     .mode = static_cast<mode_t>(inode.i_mode & 07777U),
                     .uid = inode_uid(inode),
                     .gid = inode_gid(inode),
                     .mtime = time_of(inode.i_mtime, inode.i_mtime_extra),
                     .inode = *found};
    if (entry.kind == GuestEntry::Kind::file) entry.size = EXT2_I_SIZE(reinterpret_cast<ext2_inode*>(&inode));
    if (entry.kind == GuestEntry::Kind::link) entry.target = fs_.link_target(*found);
    return entry;
}

std::optional<std::string> ExtTree::read_file(const std::string& path, std::size_t limit) const
{
    const std::optional<ext2_ino_t> found = find(path, LastLink::followed);
    if (!found) return std::nullopt;
    ext2_inode_large inode = fs_.inode(*found);
    if (!LINUX_S_ISREG(inode.i_mode))
        throw Error(Blame::user, "the guest has no regular file there").at(printable(path));
    if ((inode.i_flags & EXT4_ENCRYPT_FL) != 0)
        throw Error(Blame::user, "the guest keeps this file encrypted").at(printable(path));
    const std::uint64_t size = EXT2_I_SIZE(reinterpret_cast<ext2_inode*>(&inode));
    if (size > limit)
        throw Error(Blame::user, "a file of the guest is too large")
            .at(printable(path))
            .because(fmt::format("{} bytes, where {} are the most", size, limit));
    ext2_file_t opened = nullptr;
    fs_.require(ext2fs_file_open(fs_.get(), *found, 0, &opened), "open a file");
    const std::unique_ptr<std::remove_pointer_t<ext2_file_t>, CloseFile> file(opened);
    std::string content(static_cast<std::size_t>(size), '\0');
    std::size_t have = 0;
    while (have < content.size()) {
        unsigned got = 0;
        const std::size_t wanted = std::min<std::size_t>(content.size() - have, 1 << 20);
        fs_.require(ext2fs_file_read(file.get(), content.data() + have, static_cast<unsigned>(wanted), &got),
                    "read a file");
        if (got == 0) break;
        have += got;
    }
    content.resize(have);
    return content;
}

std::vector<std::string> ExtTree::list(const std::string& path, std::size_t limit) const
{
    const std::optional<ext2_ino_t> found = find(path, LastLink::followed);
    if (!found) return {};
    const ext2_inode_large inode = fs_.inode(*found);
    if (!LINUX_S_ISDIR(inode.i_mode)) return {};
    if ((inode.i_flags & EXT4_ENCRYPT_FL) != 0) return {};
    std::vector<std::string> names;
    fs_.each_name(*found, [&](std::string_view name, ext2_ino_t) {
        if (names.size() >= limit)
            throw Error(Blame::user, "a directory of the guest has too many names in it")
                .at(printable(path))
                .because(fmt::format("more than {}", limit));
        names.emplace_back(name);
    });
    std::ranges::sort(names);
    return names;
}

std::optional<std::string> ExtTree::get_xattr(const std::string& path, const std::string& name) const
{
    const std::optional<ext2_ino_t> found = find(path, LastLink::itself);
    if (!found) return std::nullopt;
    const XattrHandle handle = open_xattrs(fs_, *found);
    void* value = nullptr;
    std::size_t size = 0;
    const errcode_t answer = ext2fs_xattr_get(handle.get(), name.c_str(), &value, &size);
    if (answer == EXT2_ET_EA_KEY_NOT_FOUND) return std::nullopt;
    fs_.require(answer, "read an extended attribute");
    const std::unique_ptr<void, FreeMemory> owned(value);
    return std::string(static_cast<const char*>(value), size);
}

std::map<std::string, std::string> ExtTree::xattrs(const std::string& path) const
{
    const std::optional<ext2_ino_t> found = find(path, LastLink::itself);
    if (!found) return {};
    const XattrHandle handle = open_xattrs(fs_, *found);
    std::vector<std::string> names;
    fs_.require(ext2fs_xattrs_iterate(
                    handle.get(),
                    [](char* name, char*, std::size_t, void* data) {
                        static_cast<std::vector<std::string>*>(data)->emplace_back(name);
                        return 0;
                    },
                    &names),
                "read extended attributes");
    std::map<std::string, std::string> result;
    for (const std::string& name : names) {
        // The content of small files, where that is a feature.
        if (name == "system.data") continue;
        if (std::optional<std::string> value = get_xattr(path, name)) result.emplace(name, *std::move(value));
    }
    return result;
}

} // namespace ctx
