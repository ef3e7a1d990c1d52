#include <cerrno>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>
#include <ctx/guest_tree.hpp>

#include "tree/follow_links.hpp"

namespace ctx {

std::optional<GuestContent::Piece> BytesContent::next()
{
    if (std::exchange(done_, true) || bytes_.empty()) return std::nullopt;
    return Piece{0, bytes_};
}

HostFileContent::HostFileContent(int fd, std::string name) : fd_(fd), name_(std::move(name))
{
    struct stat status{};
    if (fstat(fd_, &status) != 0) throw system_error("the file cannot be read", name_, errno, Blame::user);
    if (!S_ISREG(status.st_mode)) throw Error(Blame::user, "it is no regular file").at(name_);
    size_ = static_cast<std::uint64_t>(status.st_size);
}

std::optional<GuestContent::Piece> HostFileContent::next()
{
    if (offset_ >= size_) return std::nullopt;
    // File systems that know no holes say that there are none.
    const off_t data = lseek(fd_, static_cast<off_t>(offset_), SEEK_DATA);
    if (data < 0 && errno == ENXIO) return std::nullopt;
    if (data > 0) offset_ = static_cast<std::uint64_t>(data);
    if (offset_ >= size_) return std::nullopt;
    constexpr std::size_t piece = 1 << 18;
    buffer_.resize(piece);
    const std::size_t wanted = std::min<std::uint64_t>(piece, size_ - offset_);
    const ssize_t got = pread(fd_, buffer_.data(), wanted, static_cast<off_t>(offset_));
    if (got < 0) throw system_error("the file cannot be read", name_, errno, Blame::user);
    if (got == 0) throw Error(Blame::user, "the file became shorter while it was read").at(name_);
    const Piece result{offset_, std::string_view(buffer_.data(), static_cast<std::size_t>(got))};
    offset_ += static_cast<std::uint64_t>(got);
    return result;
}

void GuestTree::write_bytes(const std::string& path, std::string_view bytes,
                            const GuestAttributes& attributes)
{
    BytesContent content(bytes);
    write_file(path, content, attributes);
}

std::string plain_guest_path(std::string_view path)
{
    if (!path.starts_with('/') || path.find('\0') != std::string_view::npos)
        throw Error(Blame::user, "not an absolute path").at(printable(path));
    std::vector<std::string> parts;
    for (std::string& part : split(path, '/')) {
        if (part.empty() || part == ".") continue;
        if (part != "..")
            parts.push_back(std::move(part));
        else if (!parts.empty())
            parts.pop_back();
    }
    return "/" + join(parts, "/");
}

std::string GuestTree::real_path(const std::string& path) const
{
    return follow_links(path, [this](const std::string& plain) { return entry(plain); });
}

} // namespace ctx
