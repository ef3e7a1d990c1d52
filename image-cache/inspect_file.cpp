#include <algorithm>
#include <cerrno>
#include <string_view>

#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <image-cache/inspect.hpp>
#include <image-cache/inspect_file.hpp>

namespace image_cache {

using ctx::Blame;
using ctx::Error;

namespace {

std::string read_head(int fd, std::uint64_t file_size, const std::string& name)
{
    std::string head(static_cast<std::size_t>(std::min<std::uint64_t>(file_size, inspected_head)), '\0');
    std::size_t have = 0;
    while (have < head.size()) {
        const ssize_t count = ::pread(fd, head.data() + have, head.size() - have, static_cast<off_t>(have));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw ctx::system_error("cannot read", name, errno);
        if (count == 0) break;
        have += static_cast<std::size_t>(count);
    }
    head.resize(have);
    return head;
}

} // namespace

Inspected inspect_file(int fd, std::uint64_t file_size, std::optional<Format> format, const std::string& name)
{
    if (file_size == 0) throw Error(Blame::user, "the image is empty").at(name).mend("get the image again");
    const std::string head = read_head(fd, file_size, name);
    if (!format) {
        if (const std::optional<std::string_view> other = foreign_content(head))
            throw Error(Blame::user, "not a disk image")
                .at(name)
                .because(fmt::format("it is {}", *other))
                .mend("give the disk itself; --format raw takes the file as it is");
        format = is_qcow2(head) ? Format::qcow2 : Format::raw;
    }
    if (format == Format::raw) return {.format = Format::raw, .virtual_size = file_size};
    try {
        return {.format = Format::qcow2, .virtual_size = inspect_qcow2(head, file_size).virtual_size};
    } catch (const Error& error) {
        throw Error(error.blame(), error.problem()).at(name).because(error.reason()).mend(error.remedy());
    }
}

} // namespace image_cache
