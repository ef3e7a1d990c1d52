#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <ctx/archives.hpp>
#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/text.hpp>

namespace ctx {

namespace {

struct FreeArchive {
    void operator()(archive* handle) const { archive_read_free(handle); }
};
using ArchiveHandle = std::unique_ptr<archive, FreeArchive>;

bool climbs(std::string_view path)
{
    for (const std::string& part : split(path, '/')) {
        if (part == "..") return true;
    }
    return false;
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

class ArchiveCheck {
public:
    ArchiveCheck(const std::filesystem::path& path, const Deadline& deadline)
        : path_(path), deadline_(deadline), file_(open()), handle_(archive_read_new())
    {
        archive_read_support_filter_all(handle_.get());
        archive_read_support_format_tar(handle_.get());
    }

    void run()
    {
        constexpr std::size_t block = 1 << 16;
        require_read(archive_read_open_fd(handle_.get(), file_.get(), block));
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
    Fd open() const
    {
        // O_NONBLOCK: a FIFO in the place of a file must not stop us.
        return open_file(path_, O_RDONLY | O_NONBLOCK);
    }

    [[noreturn]] void refuse(std::string problem, std::string why) const
    {
        throw Error(Blame::user, std::move(problem))
            .at(fmt::format("archive '{}'", printable(path_.string())))
            .because(std::move(why))
            .mend("make it anew with tar, from within the folder whose content it is to be");
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

    void require_inside(std::string_view what, std::string_view name) const
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

    // To the end, for what is cut off would be found by the guest only; block by block, for the deadline.
    void read_content()
    {
        const void* data = nullptr;
        std::size_t size = 0;
        la_int64_t offset = 0;
        for (;;) {
            if (deadline_.passed())
                throw Error(Blame::user, "the archive cannot be read in time")
                    .at(fmt::format("archive '{}'", printable(path_.string())))
                    .mend("make it smaller, or put it on a file system that guests mount")
                    .as_timeout();
            const int result = archive_read_data_block(handle_.get(), &data, &size, &offset);
            if (result == ARCHIVE_EOF) return;
            require_read(result);
        }
    }

    const std::filesystem::path& path_;
    const Deadline& deadline_;
    Fd file_;
    ArchiveHandle handle_;
    std::set<std::string, std::less<>> links_;
};

} // namespace

void check_archives(const Context& context, const Deadline& deadline)
{
    for (const Archive& archive : context.archives) ArchiveCheck(archive.source, deadline).run();
}

} // namespace ctx
