// Numbers as disks hold them, from bytes of any alignment.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string_view>

namespace ctx {

// Beyond the end is a mistake of ours, not of the disk: readers check sizes first.
template <std::unsigned_integral Number>
Number little_endian(std::string_view bytes, std::size_t offset)
{
    if (offset > bytes.size() || bytes.size() - offset < sizeof(Number))
        throw std::out_of_range("a number beyond the end of its block");
    Number value = 0;
    for (std::size_t i = sizeof(Number); i-- > 0;)
        value =
            static_cast<Number>((std::uint64_t{value} << 8U) | static_cast<unsigned char>(bytes[offset + i]));
    return value;
}

inline std::uint32_t u32_at(std::string_view bytes, std::size_t offset)
{
    return little_endian<std::uint32_t>(bytes, offset);
}

inline std::uint64_t u64_at(std::string_view bytes, std::size_t offset)
{
    return little_endian<std::uint64_t>(bytes, offset);
}

} // namespace ctx
