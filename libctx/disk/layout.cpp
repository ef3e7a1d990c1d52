#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/volumes.hpp>

namespace ctx {

namespace {

// MBR types that hold no file system of their own: nothing is looked for in them.
bool holds_nothing(const Partition& partition)
{
    return partition.range.size < 1024;
}

void add_logical_volumes(DiskLayout& layout, const BlockReader& disk, const ByteRange& part)
{
    const WindowReader window(disk, part);
    const std::optional<VolumeGroup> group = read_lvm(window);
    if (!group) return;
    for (const LogicalVolume& logical : group->volumes) {
        Volume volume{.kind = Volume::Kind::logical,
                      .name = fmt::format("{}/{}", group->name, logical.name),
                      .range = logical.range,
                      .obstacle = logical.obstacle,
                      .content = {},
                      .partition_uuid = {},
                      .partition_label = {}};
        if (volume.range) {
            volume.range->offset += part.offset;
            volume.content = recognise(WindowReader(disk, *volume.range));
        }
        layout.volumes.push_back(std::move(volume));
    }
}

void add_volume(DiskLayout& layout, const BlockReader& disk, Volume volume)
{
    const ByteRange part = *volume.range;
    volume.content = recognise(WindowReader(disk, part));
    const bool is_lvm = volume.content && volume.content->type == "LVM2_member";
    const std::string name = volume.name;
    layout.volumes.push_back(std::move(volume));
    if (is_lvm) while_doing("reading LVM on " + name, [&] { add_logical_volumes(layout, disk, part); });
}

} // namespace

DiskLayout read_layout(const BlockReader& disk)
{
    DiskLayout layout{.size = disk.size(), .partitions = read_partitions(disk), .volumes = {}};
    if (!layout.partitions) {
        add_volume(layout, disk,
                   {.kind = Volume::Kind::disk, .name = "disk", .range = ByteRange{0, disk.size()}});
        return layout;
    }
    for (const Partition& partition : layout.partitions->partitions) {
        if (holds_nothing(partition)) continue;
        add_volume(layout, disk,
                   {.kind = Volume::Kind::partition,
                    .name = fmt::format("partition {}", partition.number),
                    .range = partition.range,
                    .obstacle = {},
                    .content = {},
                    .partition_uuid = partition.uuid,
                    .partition_label = partition.label});
    }
    return layout;
}

} // namespace ctx
