// Whatever the bytes: a checksum of the right length, none, or an Error. Built with
// -fsanitize=fuzzer,address.
#include "../../image-cache/verify/sums_file.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <ctx/base/error.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        const auto found = image_cache::find_in_sums(image_cache::signed_text(text), "disk.img");
        if (found && found->hex.size() != (found->kind == image_cache::HashKind::sha256 ? 64 : 128))
            __builtin_trap();
        // What is understood is understood again.
        if (found && image_cache::parse_checksum(to_string(*found)) != found) __builtin_trap();
    } catch (const ctx::Error& error) {
        if (error.reason().empty() || error.remedy().empty()) __builtin_trap();
    }
    return 0;
}
