// A qcow2 as its specification has it, by hand, to be bent one field at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace image_cache_tests {

class Qcow2Maker {
public:
    static constexpr std::size_t cluster = 65536;

    // Version 3, 1 GiB, nothing allocated: header, refcount table, refcount block, L1 table.
    Qcow2Maker() : bytes_(3 * cluster + 8, '\0')
    {
        bytes_.replace(0, 4, "QFI\xfb");
        u32(4, 3);
        u32(20, 16);
        u64(24, std::uint64_t{1} << 30);
        u32(36, 2);
        u64(40, 3 * cluster);
        bytes_.resize(3 * cluster + 16);
        u64(48, cluster);
        u32(56, 1);
        u32(96, 4);
        u32(100, 112);
    }

    Qcow2Maker& u8(std::size_t offset, std::uint8_t value) { return number(offset, 1, value); }
    Qcow2Maker& u32(std::size_t offset, std::uint32_t value) { return number(offset, 4, value); }
    Qcow2Maker& u64(std::size_t offset, std::uint64_t value) { return number(offset, 8, value); }
    Qcow2Maker& cut(std::size_t size)
    {
        bytes_.resize(size);
        return *this;
    }
    const std::string& bytes() const { return bytes_; }

private:
    Qcow2Maker& number(std::size_t offset, std::size_t width, std::uint64_t value)
    {
        for (std::size_t i = 0; i < width; ++i)
            bytes_.at(offset + i) = static_cast<char>(value >> (8 * (width - 1 - i)));
        return *this;
    }
    std::string bytes_;
};

} // namespace image_cache_tests
