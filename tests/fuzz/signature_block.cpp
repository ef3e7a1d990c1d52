// Whatever the bytes: two texts or an Error. Built with -fsanitize=fuzzer,address.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <ctx/base/error.hpp>

#include "../../image-cache/verify/embedded_signature.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view block(reinterpret_cast<const char*>(data), size);
    try {
        if (image_cache::parse_signature_block(block).signature.empty()) __builtin_trap();
    } catch (const ctx::Error& error) {
        if (error.reason().empty() || error.remedy().empty()) __builtin_trap();
    }
    // A pattern is an administrator's, and short; what it takes with a long name grows with both.
    const std::string_view words = block.substr(0, 1024);
    image_cache::matches_pattern(words.substr(0, words.size() / 2), words.substr(words.size() / 2));
    return 0;
}
