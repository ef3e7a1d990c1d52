#include "file_head.hpp"

#include <algorithm>

#include <sys/stat.h>

#include <fmt/format.h>

#include "url.hpp"

namespace image_cache {

ResponseHead head_of_file(const TransferRequest& request)
{
    ResponseHead head;
    struct stat info{};
    const std::string path = decoded(request.url.substr(std::string_view("file://").size()));
    if (::stat(path.c_str(), &info) < 0) return head;
    const auto size = static_cast<std::uint64_t>(info.st_size);
    head.status = request.offset > 0 ? 206 : 200;
    head.etag = fmt::format("\"{}-{}-{}.{}\"", info.st_ino, size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
    head.length = size - std::min(size, request.offset);
    if (request.offset > 0) head.range = ContentRange{.first = request.offset, .last = size, .total = size};
    return head;
}

} // namespace image_cache
