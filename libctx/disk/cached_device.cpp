#include "disk/cached_device.hpp"

#include <algorithm>

namespace ctx {

CachedDevice::CachedDevice(BlockDevice& device, std::size_t most)
    : device_(device), most_lines_(std::max<std::size_t>(most / line_size, 4))
{
}

CachedDevice::~CachedDevice() = default;

std::uint64_t CachedDevice::size() const
{
    return device_.size();
}

void CachedDevice::make_room() const
{
    while (lines_.size() >= most_lines_) {
        const auto oldest = lines_.find(uses_.back());
        write_back(oldest->first, oldest->second);
        lines_.erase(oldest);
        uses_.pop_back();
    }
}

CachedDevice::Line& CachedDevice::line(std::uint64_t number) const
{
    const auto found = lines_.find(number);
    if (found != lines_.end()) {
        uses_.splice(uses_.begin(), uses_, found->second.use);
        return found->second;
    }
    make_room();
    uses_.push_front(number);
    Line& line = lines_[number];
    line.bytes = std::make_unique<std::array<char, line_size>>();
    line.use = uses_.begin();
    return line;
}

void CachedDevice::fill(std::uint64_t number, Line& line, std::size_t first, std::size_t end) const
{
    const std::uint64_t start = number * line_size;
    // The whole line at once if it is new: its neighbours are wanted soon.
    if (line.valid.none()) {
        first = 0;
        end = sectors;
    }
    const std::uint64_t disk_end = device_.size() - start;
    for (std::size_t i = first; i < end;) {
        std::size_t stop = i;
        while (stop < end && !line.valid.test(stop)) ++stop;
        if (stop == i) {
            ++i;
            continue;
        }
        const std::size_t from = i * sector_size;
        if (from < disk_end) {
            const std::size_t size = std::min<std::uint64_t>(stop * sector_size, disk_end) - from;
            device_.read(start + from, {line.bytes->data() + from, size});
        }
        for (; i < stop; ++i) line.valid.set(i);
    }
}

void CachedDevice::read(std::uint64_t offset, std::span<char> into) const
{
    require_within({.offset = offset, .size = into.size()}, device_.size());
    while (!into.empty()) {
        const std::uint64_t number = offset / line_size;
        const std::size_t within = offset % line_size;
        const std::size_t count = std::min(into.size(), line_size - within);
        Line& line = this->line(number);
        fill(number, line, within / sector_size, ((within + count - 1) / sector_size) + 1);
        std::copy_n(line.bytes->data() + within, count, into.begin());
        into = into.subspan(count);
        offset += count;
    }
}

void CachedDevice::write(std::uint64_t offset, std::span<const char> from)
{
    require_within({.offset = offset, .size = from.size()}, device_.size());
    while (!from.empty()) {
        const std::uint64_t number = offset / line_size;
        const std::size_t within = offset % line_size;
        const std::size_t count = std::min(from.size(), line_size - within);
        const std::size_t first = within / sector_size;
        const std::size_t last = (within + count - 1) / sector_size;
        Line& line = this->line(number);
        // Sectors that are written in part.
        if (within % sector_size != 0 && !line.valid.test(first)) fill(number, line, first, first + 1);
        if ((within + count) % sector_size != 0 && !line.valid.test(last)) fill(number, line, last, last + 1);
        std::copy_n(from.begin(), count, line.bytes->data() + within);
        for (std::size_t i = first; i <= last; ++i) {
            line.valid.set(i);
            line.dirty.set(i);
        }
        from = from.subspan(count);
        offset += count;
    }
}

void CachedDevice::write_back(std::uint64_t number, Line& line) const
{
    const std::uint64_t start = number * line_size;
    for (std::size_t i = 0; i < sectors;) {
        std::size_t stop = i;
        while (stop < sectors && line.dirty.test(stop)) ++stop;
        if (stop == i) {
            ++i;
            continue;
        }
        const std::size_t from = i * sector_size;
        const std::size_t size = std::min<std::uint64_t>(stop * sector_size, device_.size() - start) - from;
        device_.write(start + from, {line.bytes->data() + from, size});
        i = stop;
    }
    line.dirty.reset();
}

void CachedDevice::flush()
{
    for (auto& [number, line] : lines_) write_back(number, line);
    device_.flush();
}

} // namespace ctx
