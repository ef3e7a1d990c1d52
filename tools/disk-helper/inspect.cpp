#include "inspect.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>
#include <ctx/ext_tree.hpp>
#include <ctx/guest_root.hpp>
#include <ctx/volumes.hpp>

using ctx::Volume;
using nlohmann::json;

namespace {

const char* kind_of(const Volume& volume)
{
    switch (volume.kind) {
    case Volume::Kind::disk: return "disk";
    case Volume::Kind::partition: return "partition";
    case Volume::Kind::logical: return "logical volume";
    }
    return "disk";
}

json volume_json(const Volume& volume)
{
    json row = {{"name", volume.name}, {"kind", kind_of(volume)}};
    if (volume.range) {
        row["offset"] = volume.range->offset;
        row["size"] = volume.range->size;
    } else {
        row["obstacle"] = volume.obstacle;
    }
    if (volume.content) {
        row["type"] = volume.content->type;
        row["uuid"] = volume.content->uuid;
        row["label"] = volume.content->label;
    }
    if (!volume.partition_uuid.empty()) row["partition_uuid"] = volume.partition_uuid;
    if (!volume.partition_label.empty()) row["partition_label"] = volume.partition_label;
    return row;
}

json mount_json(const ctx::Mounted& mounted)
{
    json row = {{"target", mounted.target}, {"source", mounted.source}, {"volume", nullptr}};
    if (mounted.volume != nullptr) row["volume"] = mounted.volume->name;
    return row;
}

std::vector<std::string> kernels(const ctx::GuestTree& tree)
{
    constexpr std::string_view prefix = "vmlinuz-";
    std::vector<std::string> versions;
    for (const std::string& name : tree.list("/boot")) {
        if (name.starts_with(prefix) && name.find("rescue") == std::string::npos)
            versions.push_back(name.substr(prefix.size()));
    }
    return versions;
}

// os-release(5): NAME=value, quoted or not.
std::string release_value(const std::string& text, std::string_view key)
{
    for (const std::string& line : ctx::split(text, '\n')) {
        if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != '=') continue;
        std::string value = line.substr(key.size() + 1);
        if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
            value.back() == value.front())
            value = value.substr(1, value.size() - 2);
        return value;
    }
    return {};
}

json guest_json(const ctx::GuestTree& tree)
{
    constexpr std::size_t longest = 64 << 10;
    const std::string release = tree.read_file("/etc/os-release", longest).value_or("");
    return {{"distribution", release_value(release, "ID")},
            {"version", release_value(release, "VERSION_ID")},
            {"name", release_value(release, "PRETTY_NAME")},
            {"kernels", kernels(tree)}};
}

// The root and what is mounted below it, as far as ext serves it. The windows must outlive the tree.
struct Opened {
    std::vector<std::unique_ptr<ctx::WindowReader>> windows;
    std::unique_ptr<ctx::MountedTree> tree;
};

Opened open_guest(const ctx::BlockReader& disk, const ctx::GuestRoot& root)
{
    Opened opened;
    for (const ctx::Mounted& mounted : root.mounts) {
        if (mounted.volume == nullptr || !ctx::is_ext(*mounted.volume)) continue;
        opened.windows.push_back(std::make_unique<ctx::WindowReader>(disk, *mounted.volume->range));
        auto tree = ctx::read_ext_tree(*opened.windows.back());
        if (!opened.tree)
            opened.tree = std::make_unique<ctx::MountedTree>(std::move(tree));
        else
            opened.tree->mount(mounted.target, std::move(tree));
    }
    return opened;
}

// ext, or guestfs and why ext will not do: what stands in the way of a change, too.
json engine_json(const ctx::BlockReader& disk, const ctx::GuestRoot& root)
{
    std::string obstacle = root.obstacle;
    for (const ctx::Mounted& mounted : root.mounts) {
        if (!obstacle.empty()) break;
        const ctx::WindowReader window(disk, *mounted.volume->range);
        obstacle = ctx::ext_obstacle(window);
        if (!obstacle.empty()) obstacle = mounted.target + ": " + obstacle;
    }
    if (obstacle.empty()) return {{"name", "ext"}, {"why", "all of the guest's system is on ext"}};
    return {{"name", "guestfs"}, {"why", obstacle}};
}

} // namespace

json inspect(const ctx::BlockReader& disk)
{
    const ctx::DiskLayout layout = ctx::read_layout(disk);
    json volumes = json::array();
    for (const Volume& volume : layout.volumes) volumes.push_back(volume_json(volume));
    const char* table = "none";
    if (layout.partitions) table = layout.partitions->kind == ctx::PartitionTable::Kind::gpt ? "gpt" : "mbr";
    json result = {{"schema", 1},        {"size", layout.size},     {"partition_table", table},
                   {"volumes", volumes}, {"mounts", json::array()}, {"guest", nullptr}};
    try {
        const ctx::GuestRoot root = ctx::find_root(disk, layout);
        for (const ctx::Mounted& mounted : root.mounts) result["mounts"].push_back(mount_json(mounted));
        result["engine"] = engine_json(disk, root);
        const Opened guest = open_guest(disk, root);
        result["guest"] = guest_json(*guest.tree);
    } catch (const ctx::Error& error) {
        if (error.blame() == ctx::Blame::node) throw;
        // What is on the disk is shown, whether there is a guest in it or not.
        result["engine"] = {{"name", "guestfs"}, {"why", error.what()}};
    }
    return result;
}
