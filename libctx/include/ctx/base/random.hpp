#pragma once

#include <cstddef>
#include <string>

namespace ctx {

// `bytes` bytes of the kernel's randomness as lower-case hexadecimal digits.
std::string random_hex(std::size_t bytes);

} // namespace ctx
