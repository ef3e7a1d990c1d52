#include <cerrno>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/file.hpp>
#include <ctx/base/text.hpp>
#include <ctx/disc_reader.hpp>

namespace ctx {

namespace {

namespace fs = std::filesystem;

constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

Error cannot(const char* what, const fs::path& place)
{
    return system_error(what, printable(place.string()), errno, Blame::user);
}

// The directory that holds an entry, from the top on, one name after the other: no link is followed, whoever
// put it there meanwhile.
Fd open_parent(int top, std::string_view& rest, const fs::path& place)
{
    Fd parent(::openat(top, ".", directory_flags));
    for (;;) {
        if (!parent) throw cannot("cannot enter a directory", place);
        const std::size_t slash = rest.find('/');
        if (slash == std::string_view::npos) return parent;
        parent = Fd(::openat(parent.get(), std::string(rest.substr(0, slash)).c_str(), directory_flags));
        rest.remove_prefix(slash + 1);
    }
}

void extract_file(const DiscReader& disc, const std::string& path, int parent, const std::string& name,
                  const fs::path& place)
{
    const Fd file(::openat(parent, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
    if (!file) throw cannot("cannot make a file", place);
    disc.read(path, [&](std::string_view piece) { write_all(file.get(), piece, place); });
}

} // namespace

Extracted extract_disc(const DiscReader& disc, const fs::path& directory)
{
    if (::mkdir(directory.c_str(), 0777) < 0)
        throw cannot("cannot make the directory to extract to", directory)
            .mend("name a directory that is not there yet");
    const Fd top(::open(directory.c_str(), directory_flags));
    if (!top) throw cannot("cannot enter a directory", directory);
    Extracted result;
    for (const DiscEntry& entry : disc.entries()) {
        const fs::path place = directory / entry.path;
        if (entry.kind != DiscEntry::Kind::file && entry.kind != DiscEntry::Kind::directory) {
            result.left_out.push_back(entry.path);
            continue;
        }
        std::string_view rest = entry.path;
        const Fd parent = open_parent(top.get(), rest, place);
        const std::string name(rest);
        if (entry.kind == DiscEntry::Kind::file) {
            extract_file(disc, entry.path, parent.get(), name, place);
            ++result.files;
        } else if (::mkdirat(parent.get(), name.c_str(), 0777) < 0) {
            throw cannot("cannot make a directory", place);
        }
    }
    return result;
}

} // namespace ctx
