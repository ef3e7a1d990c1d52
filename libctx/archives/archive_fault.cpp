#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <ctx/archive_fault.hpp>
#include <ctx/base/text.hpp>

namespace ctx {

namespace {

struct FreeArchive {
    void operator()(archive* handle) const { archive_read_free(handle); }
};
using ArchiveHandle = std::unique_ptr<archive, FreeArchive>;

bool climbs(std::string_view path)
{
    const std::vector<std::string> parts = split(path, '/');
    return std::ranges::find(parts, "..") != parts.end();
}

// "./a//b/" → "a/b"
std::string plain(std::string_view path)
{
    std::string result;
    for (const std::string& part : split(path, '/')) {
        if (part.empty() || part == ".") continue;
        if (!result.empty()) result += '/';
        result += part;
    }
    return result;
}

class ArchiveReader {
public:
    explicit ArchiveReader(int fd) : handle_(archive_read_new())
    {
        archive_read_support_filter_all(handle_.get());
        archive_read_support_format_tar(handle_.get());
        constexpr std::size_t block = 1 << 16;
        require_read(archive_read_open_fd(handle_.get(), fd, block));
    }

    void read()
    {
        archive_entry* entry = nullptr;
        for (;;) {
            const int result = archive_read_next_header(handle_.get(), &entry);
            if (result == ARCHIVE_EOF) return;
            require_read(result);
            check_member(entry);
            read_content();
        }
    }

private:
    [[noreturn]] static void refuse(std::string problem, std::string reason)
    {
        throw ArchiveFault{std::move(problem), std::move(reason)};
    }

    void require_read(int result) const
    {
        if (result >= ARCHIVE_WARN) return;
        const char* why = archive_error_string(handle_.get());
        refuse("not a tar archive that can be read", why != nullptr ? printable(why) : "it is damaged");
    }

    void check_member(archive_entry* entry)
    {
        const char* name = either(archive_entry_pathname(entry), archive_entry_pathname_utf8(entry));
        if (name == nullptr) refuse("a member of the archive has no usable name", "its encoding is broken");
        require_inside("the member", name);
        const char* target = either(archive_entry_hardlink(entry), archive_entry_hardlink_utf8(entry));
        if (target != nullptr) require_inside("a link to", target);
        const std::string path = plain(name);
        require_no_link_above(path);
        if (archive_entry_filetype(entry) == AE_IFLNK)
            links_.insert(path);
        else
            links_.erase(path);
    }

    // In the locale "C" libarchive gives names beyond ASCII as UTF-8 only.
    static const char* either(const char* plain_name, const char* utf8)
    {
        return plain_name != nullptr ? plain_name : utf8;
    }

    static void require_inside(std::string_view what, std::string_view name)
    {
        constexpr auto why = "it would not stay below the archive's place";
        if (name.starts_with('/')) refuse(fmt::format("{} '{}' is absolute", what, printable(name)), why);
        if (climbs(name)) refuse(fmt::format("{} '{}' climbs out with '..'", what, printable(name)), why);
    }

    void require_no_link_above(const std::string& path) const
    {
        for (std::size_t slash = path.find('/'); slash != std::string::npos;
             slash = path.find('/', slash + 1)) {
            if (links_.contains(path.substr(0, slash)))
                refuse(fmt::format("the member '{}' lies behind a link of the same archive", printable(path)),
                       "it could be written to any place of the guest");
        }
    }

    // To the end: what is cut off would else be found by the guest.
    void read_content()
    {
        const void* data = nullptr;
        std::size_t size = 0;
        la_int64_t offset = 0;
        for (;;) {
            const int result = archive_read_data_block(handle_.get(), &data, &size, &offset);
            if (result == ARCHIVE_EOF) return;
            require_read(result);
        }
    }

    ArchiveHandle handle_;
    std::set<std::string, std::less<>> links_;
};

} // namespace

std::optional<ArchiveFault> archive_fault(int fd)
{
    try {
        ArchiveReader(fd).read();
        return std::nullopt;
    } catch (const ArchiveFault& fault) {
        return fault;
    }
}

} // namespace ctx
