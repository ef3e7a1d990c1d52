// A disk, or a part of one, as bytes at offsets: what readers of partitions and file systems stand on,
// whatever holds the bytes (a file, memory, an NBD server).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <ctx/base/fd.hpp>

namespace ctx {

class BlockReader {
public:
    BlockReader() = default;
    BlockReader(const BlockReader&) = delete;
    BlockReader& operator=(const BlockReader&) = delete;
    BlockReader(BlockReader&&) = delete;
    BlockReader& operator=(BlockReader&&) = delete;
    virtual ~BlockReader() = default;

    // In bytes.
    virtual std::uint64_t size() const = 0;
    // Fills all of `into`. Throws Error: user, beyond the end (what is on the disk says so); node,
    // unreadable.
    virtual void read(std::uint64_t offset, std::span<char> into) const = 0;
};

class BlockDevice : public BlockReader {
public:
    // Both throw Error, as read() does.
    virtual void write(std::uint64_t offset, std::span<const char> from) = 0;
    // What was written has reached what holds the bytes.
    virtual void flush() = 0;
};

// A stretch of a disk, in bytes.
struct ByteRange {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

// Throws Error (user) unless `range` lies within `size` bytes.
void require_within(const ByteRange& range, std::uint64_t size);

std::string read_bytes(const BlockReader& from, std::uint64_t offset, std::size_t size);

// A part of a disk, which must outlive it.
class WindowReader : public BlockReader {
public:
    WindowReader(const BlockReader& disk, const ByteRange& range);
    std::uint64_t size() const override { return range_.size; }
    void read(std::uint64_t offset, std::span<char> into) const override;

private:
    const BlockReader& disk_;
    ByteRange range_;
};

class WindowDevice : public BlockDevice {
public:
    WindowDevice(BlockDevice& disk, const ByteRange& range);
    std::uint64_t size() const override { return range_.size; }
    void read(std::uint64_t offset, std::span<char> into) const override;
    void write(std::uint64_t offset, std::span<const char> from) override;
    void flush() override;

private:
    BlockDevice& disk_;
    ByteRange range_;
};

// A regular file or block device, read as it is: a raw image.
class FileReader : public BlockReader {
public:
    FileReader(Fd file, std::string name);
    std::uint64_t size() const override { return size_; }
    void read(std::uint64_t offset, std::span<char> into) const override;

private:
    Fd file_;
    std::string name_;
    std::uint64_t size_ = 0;
};

} // namespace ctx
