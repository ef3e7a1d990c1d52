// A disk with a cache in front: what libext2fs reads and writes in blocks goes over in stretches.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>

#include <ctx/block_device.hpp>

namespace ctx {

// Holds at most `most` bytes; what was written is kept until flush(), or until room is needed. The destructor
// writes nothing: a change that was not flushed was not wanted.
class CachedDevice : public BlockDevice {
public:
    static constexpr std::size_t line_size = 64 << 10;
    static constexpr std::size_t default_most = 24 << 20;

    explicit CachedDevice(BlockDevice& device, std::size_t most = default_most);
    ~CachedDevice() override;

    std::uint64_t size() const override;
    void read(std::uint64_t offset, std::span<char> into) const override;
    void write(std::uint64_t offset, std::span<const char> from) override;
    void flush() override;

private:
    // A line is read and written in sectors: a whole one that is written is not read first.
    static constexpr std::size_t sector_size = 1024;
    static constexpr std::size_t sectors = line_size / sector_size;

    struct Line {
        std::unique_ptr<std::array<char, line_size>> bytes;
        std::bitset<sectors> valid;
        std::bitset<sectors> dirty;
        std::list<std::uint64_t>::iterator use;
    };

    Line& line(std::uint64_t number) const;
    // All sectors between these that are not valid are read; in one go if none is.
    void fill(std::uint64_t number, Line& line, std::size_t first, std::size_t end) const;
    void write_back(std::uint64_t number, Line& line) const;
    void make_room() const;

    BlockDevice& device_;
    std::size_t most_lines_;
    mutable std::map<std::uint64_t, Line> lines_;
    mutable std::list<std::uint64_t> uses_; // the latest first
};

} // namespace ctx
