#include <algorithm>
#include <array>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>
#include <ctx/ext_tree.hpp>
#include <ctx/guest_root.hpp>

namespace ctx {

namespace {

// What a plan may have to look at or write to: the rest (data, scratch) is left alone.
bool matters(std::string_view target)
{
    constexpr std::array places = {"/usr", "/var", "/home", "/boot", "/opt", "/srv", "/root", "/tmp", "/etc"};
    return std::ranges::any_of(places, [&](std::string_view place) {
        return target == place || (target.starts_with(place) && target[place.size()] == '/');
    });
}

bool is_local(const FstabLine& line)
{
    constexpr std::array elsewhere = {"proc", "sysfs", "tmpfs",   "devpts", "devtmpfs", "nfs",    "nfs4",
                                      "cifs", "swap",  "iso9660", "udf",    "cvmfs",    "autofs", "vfat"};
    return std::ranges::find(elsewhere, line.type) == elsewhere.end();
}

bool there(const GuestTree& tree, const std::string& path)
{
    return tree.entry(path).has_value();
}

// /usr may be a file system of its own: what is asked for is below /etc and at the top.
bool is_root(const GuestTree& tree)
{
    constexpr std::array releases = {"/etc/os-release", "/etc/redhat-release", "/etc/debian_version",
                                     "/etc/system-release", "/etc/alpine-release"};
    const bool is_known = std::ranges::any_of(releases, [&](const char* path) { return there(tree, path); });
    return there(tree, "/etc/passwd") && (is_known || there(tree, "/etc/fstab"));
}

const Volume* find_root_volume(const BlockReader& disk, const DiskLayout& layout)
{
    const Volume* root = nullptr;
    for (const Volume& volume : layout.volumes) {
        if (!is_ext(volume)) continue;
        const WindowReader window(disk, *volume.range);
        const bool found =
            while_doing("looking at " + volume.name, [&] { return is_root(*read_ext_tree(window)); });
        if (!found) continue;
        if (root != nullptr)
            throw Error(Blame::user, "the disk has two guests' roots")
                .because(fmt::format("on {} and on {}", root->name, volume.name))
                .mend("use an image with one system");
        root = &volume;
    }
    return root;
}

std::string describe(const Volume& volume)
{
    if (!volume.range) return fmt::format("{}: {}", volume.name, volume.obstacle);
    return fmt::format("{} is {}", volume.name, volume.content ? volume.content->type : "not known");
}

[[noreturn]] void no_root(const DiskLayout& layout)
{
    std::vector<std::string> found;
    for (const Volume& volume : layout.volumes) found.push_back(describe(volume));
    throw Error(Blame::user, "no guest's root is found on the ext file systems of the disk")
        .because(found.empty() ? "there are no partitions" : join(found, "; "))
        .mend("if it is on another file system, use the engine guestfs (--engine guestfs)");
}

} // namespace

bool is_ext(const Volume& volume)
{
    if (!volume.range || !volume.content) return false;
    const std::string& type = volume.content->type;
    return type == "ext2" || type == "ext3" || type == "ext4";
}

GuestRoot find_root(const BlockReader& disk, const DiskLayout& layout)
{
    const Volume* root = find_root_volume(disk, layout);
    if (root == nullptr) no_root(layout);
    GuestRoot result{.mounts = {{.target = "/", .source = {}, .volume = root}}, .obstacle = {}};

    const WindowReader window(disk, *root->range);
    constexpr std::size_t longest_fstab = 64 << 10;
    const std::string fstab = read_ext_tree(window)->read_file("/etc/fstab", longest_fstab).value_or("");
    for (const FstabLine& line : parse_fstab(fstab)) {
        if (!matters(line.target) || !is_local(line)) continue;
        const std::string target = plain_guest_path(line.target);
        const Volume* volume = find_source(layout, line.source);
        if (volume == root) continue; // a bind mount, a subvolume
        result.mounts.push_back({.target = target, .source = line.source, .volume = volume});
        if (!result.obstacle.empty()) continue;
        if (volume == nullptr)
            result.obstacle = fmt::format("{} is on '{}', which is not here", target, printable(line.source));
        else if (!is_ext(*volume))
            result.obstacle = fmt::format("{} is not on ext: {}", target, describe(*volume));
    }
    return result;
}

} // namespace ctx
