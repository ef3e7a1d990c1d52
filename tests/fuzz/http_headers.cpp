// Whatever a server says: numbers that fit together or none. Built with -fsanitize=fuzzer,address.
#include "../../image-cache/transfer/http_headers.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "../../image-cache/transfer/url.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    std::string_view text(reinterpret_cast<const char*>(data), size);
    image_cache::shown_url(text);
    image_cache::file_name_of(text);
    image_cache::ResponseHead head;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        head.take_line(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    if (head.range && head.range->first && head.range->last < *head.range->first) __builtin_trap();
    image_cache::parse_retry_after(head.retry_after, 0, [](const char*) { return std::int64_t{-1}; });
    return 0;
}
