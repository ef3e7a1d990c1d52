#include "dialects/ipv4.hpp"

#include <cstddef>
#include <cstdint>

#include <fmt/format.h>

namespace ctx {

Ipv4Network split_network(const std::string& address_with_prefix)
{
    const std::size_t slash = address_with_prefix.find('/');
    const auto prefix = static_cast<unsigned>(std::stoul(address_with_prefix.substr(slash + 1)));
    const std::uint32_t bits = prefix == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix);
    return {address_with_prefix.substr(0, slash),
            fmt::format("{}.{}.{}.{}", bits >> 24, bits >> 16 & 255, bits >> 8 & 255, bits & 255)};
}

} // namespace ctx
