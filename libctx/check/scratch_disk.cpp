#include "check/scratch_disk.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include <ctx/base/text.hpp>

namespace ctx::check {

namespace {

constexpr const char* blank_disk =
    "'vmbatch cache-disk create --for cernvm' makes a blank disk, one for each job";

bool is_ext(FileSystem kind)
{
    return kind == FileSystem::ext2 || kind == FileSystem::ext3 || kind == FileSystem::ext4;
}

std::string partition_name(const Disk& disk, unsigned number)
{
    return fmt::format("{}{}", disk.device, number);
}

std::string place_of(const Disk& disk)
{
    return fmt::format("{} ({})", disk.device, printable(disk.place));
}

class Taker {
public:
    explicit Taker(const Machine& machine)
    {
        for (const Disk& disk : machine.disks) disks_.push_back(&disk);
        std::ranges::sort(disks_, {}, [](const Disk* disk) { return disk->device; });
        result_.step.stage = "scratch disk";
    }

    ScratchDisk take()
    {
        if (!take_warm()) take_new();
        return std::move(result_);
    }

private:
    void add(const char* id, Severity severity, std::string place, std::string reason,
             std::string remedy = "")
    {
        result_.findings.push_back({.id = id,
                                    .severity = severity,
                                    .place = std::move(place),
                                    .reason = std::move(reason),
                                    .remedy = std::move(remedy)});
    }

    // A partition labelled UROOT, of whatever disk, ends the search for a context.
    bool take_warm()
    {
        for (const Disk* disk : disks_) {
            for (const Partition& partition : disk->partitions) {
                if (!is_ext(partition.filesystem) || partition.label != "UROOT") continue;
                result_.warm = true;
                result_.step.action =
                    fmt::format("takes {}, labelled UROOT, as it is; no context is looked for",
                                partition_name(*disk, partition.number));
                add("old-context", Severity::error, place_of(*disk),
                    "a partition labelled UROOT is there: the guest keeps the context that is stored on it",
                    blank_disk);
                if (!disk->writable || partition.filesystem != FileSystem::ext4 || partition.number != 1)
                    add("odd-scratch-disk", Severity::unknown, place_of(*disk),
                        "UROOT is usually the first partition, ext4, of a disk that can be written");
                return true;
            }
        }
        return false;
    }

    void take_new()
    {
        for (const Disk* disk : disks_) look_at(*disk);
        if (first_disk_) partition_disk(**first_disk_);
        if (first_partition_)
            format(*first_partition_);
        else
            nothing_left();
    }

    void look_at(const Disk& disk)
    {
        if (!disk.writable) {
            result_.step.ignores.push_back(disk.device + ": read-only");
            return;
        }
        if (disk.partitions.empty()) {
            if (!first_disk_) first_disk_ = &disk;
            return;
        }
        for (const Partition& partition : disk.partitions)
            look_at(disk, partition, partition_name(disk, partition.number));
    }

    void look_at(const Disk& disk, const Partition& partition, const std::string& name)
    {
        switch (partition.filesystem) {
        case FileSystem::none:
        case FileSystem::swap: offer({.disk = &disk, .name = name}); return;
        case FileSystem::ext3:
            if (partition.empty.value_or(false)) {
                add("wiped", Severity::warning, place_of(disk),
                    name + " is an empty ext3, as clouds give it: its beginning is zeroed");
                offer({.disk = &disk, .name = name});
                return;
            }
            if (!partition.empty)
                add("ext3-not-looked-into", Severity::unknown, place_of(disk),
                    name + " is ext3: it is wiped if it is empty, and left alone if not");
            break;
        case FileSystem::other:
            add("unmountable", Severity::unknown, place_of(disk),
                name + " is formatted if the guest's kernel cannot mount it", "detach the disk");
            break;
        default: break;
        }
        result_.step.ignores.push_back(
            fmt::format("{}: {} '{}'", name, to_string(partition.filesystem), printable(partition.label)));
    }

    struct Candidate {
        const Disk* disk = nullptr;
        std::string name;
    };

    void offer(Candidate candidate)
    {
        if (!first_partition_ || candidate.name < first_partition_->name)
            first_partition_ = std::move(candidate);
    }

    // No partitions, and so "empty", whatever is on it.
    void partition_disk(const Disk& disk)
    {
        const std::string name = partition_name(disk, 1);
        result_.eaten.push_back(disk.device);
        if (!disk.blank) {
            const std::string what =
                disk.filesystem == FileSystem::none
                    ? "what is on it"
                    : fmt::format("its {} '{}'", to_string(disk.filesystem), printable(disk.label));
            add("data-lost", Severity::error, place_of(disk),
                fmt::format("it has no partitions, so the guest takes it for an empty disk: {} is lost",
                            what),
                "attach it read-only, or not at all; only a blank disk is a scratch disk");
        }
        offer({.disk = &disk, .name = name});
        result_.step.action = fmt::format("partitions {}, ", disk.device);
        if (first_partition_ && first_partition_->disk != &disk)
            add("partitioned-in-vain", Severity::warning, place_of(disk),
                fmt::format("it is partitioned, and then {} is formatted, which comes first",
                            first_partition_->name),
                "attach one scratch disk only");
    }

    void format(const Candidate& chosen)
    {
        result_.step.action += fmt::format("formats {} as ext4 UROOT", chosen.name);
        result_.eaten.push_back(chosen.name);
        if (chosen.disk->size != 0)
            result_.step.action += fmt::format("; CernVM-FS keeps {} MB there", quota(chosen.disk->size));
    }

    static std::uint64_t quota(std::uint64_t size)
    {
        constexpr std::uint64_t megabyte = 1 << 20;
        constexpr std::uint64_t usual = 2000;
        return size > 2 * usual * megabyte ? usual : size / megabyte / 2;
    }

    void nothing_left()
    {
        const bool has_writable =
            std::ranges::any_of(disks_, [](const Disk* disk) { return disk->writable; });
        if (!has_writable) {
            result_.step.action =
                "no disk for it was named: takes free space of the image's own disk, 750 MB at least";
            add("no-scratch-disk", Severity::note, "",
                "without free space on its own disk the boot stops in a panic shell", blank_disk);
            return;
        }
        result_.hangs = true;
        result_.step.action = "finds no disk it could take: the boot stops in a panic shell";
        add("panic", Severity::error, place_of(*disks_.front()),
            "no disk is free of partitions, and no partition free of a file system: unless the image's own "
            "disk has "
            "750 MB to spare, the boot stops in a panic shell",
            blank_disk);
    }

    std::vector<const Disk*> disks_;
    std::optional<const Disk*> first_disk_;
    std::optional<Candidate> first_partition_;
    ScratchDisk result_;
};

} // namespace

ScratchDisk take_scratch_disk(const Machine& machine)
{
    return Taker(machine).take();
}

} // namespace ctx::check
