// A disk in memory.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <ctx/block_device.hpp>

class MemoryDisk : public ctx::BlockDevice {
public:
    explicit MemoryDisk(std::string content) : bytes(std::move(content)) {}

    std::uint64_t size() const override { return bytes.size(); }
    void read(std::uint64_t offset, std::span<char> into) const override
    {
        ctx::require_within({.offset = offset, .size = into.size()}, bytes.size());
        ++reads;
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
    }
    void write(std::uint64_t offset, std::span<const char> from) override
    {
        ctx::require_within({.offset = offset, .size = from.size()}, bytes.size());
        ++writes;
        std::ranges::copy(from, bytes.begin() + static_cast<std::ptrdiff_t>(offset));
    }
    void flush() override { ++flushes; }

    std::string bytes;
    mutable int reads = 0;
    int writes = 0;
    int flushes = 0;
};
