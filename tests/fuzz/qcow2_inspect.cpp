// Whatever the bytes: facts or an Error, and no read beyond them. Built with -fsanitize=fuzzer,address.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <ctx/base/error.hpp>
#include <image-cache/inspect.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    // The first byte says how much larger than its beginning the file claims to be.
    if (size == 0) return 0;
    const std::string_view head(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::uint64_t file_size = head.size() + (std::uint64_t{data[0]} << 16U);
    image_cache::foreign_content(head);
    try {
        image_cache::inspect_qcow2(head, file_size);
    } catch (const ctx::Error& error) {
        if (error.reason().empty() || error.remedy().empty()) __builtin_trap();
    }
    return 0;
}
