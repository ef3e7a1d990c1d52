#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/file.hpp>
#include <ctx/base/random.hpp>
#include <ctx/base/text.hpp>
#include <ctx/dir_tree.hpp>

#include "tree/dir/confined.hpp"

namespace ctx {

namespace {

using Last = ConfinedDirectory::Last;

struct CloseDirectory {
    void operator()(DIR* handle) const { closedir(handle); }
};

struct stat status_of(const Fd& fd, const std::string& path)
{
    struct stat status{};
    if (fstat(fd.get(), &status) != 0) throw tree_error("it cannot be looked at", path, errno);
    return status;
}

std::string link_target(const Fd& fd, const std::string& path)
{
    std::array<char, 4097> buffer{}; // PATH_MAX: no link is longer
    const ssize_t size = readlinkat(fd.get(), "", buffer.data(), buffer.size());
    if (size < 0) throw tree_error("the link cannot be read", path, errno);
    return {buffer.data(), static_cast<std::size_t>(size)};
}

GuestEntry::Kind kind_of(mode_t mode)
{
    if (S_ISREG(mode)) return GuestEntry::Kind::file;
    if (S_ISDIR(mode)) return GuestEntry::Kind::directory;
    return S_ISLNK(mode) ? GuestEntry::Kind::link : GuestEntry::Kind::other;
}

std::array<timespec, 2> times(std::int64_t mtime)
{
    return {timespec{0, UTIME_OMIT}, timespec{mtime, 0}};
}

// A thing made under a name nobody has, then moved to its own: what was there before is replaced at once.
class Newcomer {
public:
    explicit Newcomer(const ConfinedDirectory::Place& place)
        : place_(place), name_(".vmbatch-" + random_hex(8))
    {
    }
    Newcomer(const Newcomer&) = delete;
    Newcomer& operator=(const Newcomer&) = delete;
    Newcomer(Newcomer&&) = delete;
    Newcomer& operator=(Newcomer&&) = delete;
    // After the move too: moving one name of a file onto another of the same file leaves both.
    ~Newcomer() { unlinkat(place_.parent.get(), name_.c_str(), 0); }

    const char* name() const { return name_.c_str(); }
    void move_to_place(const std::string& path) const
    {
        const int parent = place_.parent.get();
        if (renameat(parent, name_.c_str(), parent, place_.name.c_str()) != 0)
            throw tree_error("it cannot be put in its place", path, errno);
    }

private:
    const ConfinedDirectory::Place& place_;
    std::string name_;
};

class DirTree : public GuestTree {
public:
    explicit DirTree(Fd root) : root_(std::move(root)) {}

    std::optional<GuestEntry> entry(const std::string& path) const override
    {
        const std::optional<Fd> found = root_.find(path, Last::keep);
        if (!found) return std::nullopt;
        const struct stat status = status_of(*found, path);
        GuestEntry result;
        result.kind = kind_of(status.st_mode);
        result.mode = status.st_mode & 07777;
        result.uid = status.st_uid;
        result.gid = status.st_gid;
        if (result.kind == GuestEntry::Kind::file) result.size = static_cast<std::uint64_t>(status.st_size);
        result.mtime = status.st_mtim.tv_sec;
        result.inode = status.st_ino;
        if (result.kind == GuestEntry::Kind::link) result.target = link_target(*found, path);
        return result;
    }

    std::optional<std::string> read_file(const std::string& path, std::size_t limit) const override
    {
        // Looked at first, opened then: opening a device may already do something.
        const std::optional<Fd> found = root_.find(path, Last::follow);
        if (!found) return std::nullopt;
        if (!S_ISREG(status_of(*found, path).st_mode))
            throw Error(Blame::user, "it is no regular file").at(printable(path));
        try {
            return ctx::read_file(descriptor_path(*found), limit, Blame::user);
        } catch (const Error& error) {
            throw Error(Blame::user, error.problem()).at(printable(path)).because(error.reason());
        }
    }

    std::vector<std::string> list(const std::string& path, std::size_t limit) const override
    {
        const std::optional<Fd> found = root_.find(path, Last::follow);
        if (!found || !S_ISDIR(status_of(*found, path).st_mode)) return {};
        Fd readable = open_file(descriptor_path(*found), O_RDONLY | O_DIRECTORY);
        const std::unique_ptr<DIR, CloseDirectory> directory(fdopendir(readable.get()));
        if (directory == nullptr) throw tree_error("it cannot be listed", path, errno);
        readable.release();
        std::vector<std::string> names;
        for (;;) {
            errno = 0;
            const dirent* next = readdir(directory.get());
            if (next == nullptr) break;
            const std::string_view name = next->d_name;
            if (name == "." || name == "..") continue;
            if (names.size() == limit)
                throw Error(Blame::user, "too many files in one directory").at(printable(path));
            names.emplace_back(name);
        }
        if (errno != 0) throw tree_error("it cannot be listed", path, errno);
        std::ranges::sort(names);
        return names;
    }

    std::optional<std::string> get_xattr(const std::string& path, const std::string& name) const override
    {
        const Fd found = root_.require(path, Last::keep);
        return xattr_of(found, path, name);
    }

    std::map<std::string, std::string> xattrs(const std::string& path) const override
    {
        const Fd found = root_.require(path, Last::keep);
        std::string names(65536, '\0'); // XATTR_LIST_MAX
        const ssize_t size = listxattr(descriptor_path(found).c_str(), names.data(), names.size());
        if (size < 0 && errno == ENOTSUP) return {};
        if (size < 0) throw tree_error("its attributes cannot be read", path, errno);
        names.resize(static_cast<std::size_t>(size));
        std::map<std::string, std::string> result;
        for (const std::string& name : split(names, '\0')) {
            if (name.empty()) continue;
            if (auto value = xattr_of(found, path, name)) result[name] = std::move(*value);
        }
        return result;
    }

    void make_directory(const std::string& path, const GuestAttributes& attributes) override
    {
        const auto place = root_.place(path);
        const int parent = place.parent.get();
        if (mkdirat(parent, place.name.c_str(), 0700) != 0)
            throw tree_error("the directory cannot be made", path, errno);
        const Fd made(openat(parent, place.name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!made) throw tree_error("the directory cannot be made", path, errno);
        give(made, path, attributes);
    }

    void write_file(const std::string& path, GuestContent& content,
                    const GuestAttributes& attributes) override
    {
        const auto place = root_.place(path);
        const Newcomer newcomer(place);
        const Fd file(
            openat(place.parent.get(), newcomer.name(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        if (!file) throw tree_error("the file cannot be made", path, errno);
        while (const auto piece = content.next()) write_piece(file, path, *piece);
        if (ftruncate(file.get(), static_cast<off_t>(content.size())) != 0)
            throw tree_error("the file cannot be written", path, errno);
        give(file, path, attributes);
        newcomer.move_to_place(path);
    }

    void make_symlink(const std::string& path, const std::string& target,
                      const GuestAttributes& attributes) override
    {
        const auto place = root_.place(path);
        const int parent = place.parent.get();
        const Newcomer newcomer(place);
        if (symlinkat(target.c_str(), parent, newcomer.name()) != 0)
            throw tree_error("the link cannot be made", path, errno);
        const bool given =
            fchownat(parent, newcomer.name(), attributes.uid, attributes.gid, AT_SYMLINK_NOFOLLOW) == 0;
        if (!given) throw tree_error("the link cannot be given to its owner", path, errno);
        if (attributes.mtime)
            utimensat(parent, newcomer.name(), times(*attributes.mtime).data(), AT_SYMLINK_NOFOLLOW);
        newcomer.move_to_place(path);
    }

    void make_hardlink(const std::string& path, const std::string& existing) override
    {
        const auto source = root_.place(existing);
        struct stat status{};
        if (fstatat(source.parent.get(), source.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
            throw tree_error("the file to be linked is not there", existing, errno);
        if (!S_ISREG(status.st_mode))
            throw Error(Blame::user, "what is to be linked is no regular file").at(printable(existing));
        const auto place = root_.place(path);
        const Newcomer newcomer(place);
        if (linkat(source.parent.get(), source.name.c_str(), place.parent.get(), newcomer.name(), 0) != 0)
            throw tree_error("the link cannot be made", path, errno);
        newcomer.move_to_place(path);
    }

    void remove(const std::string& path) override
    {
        if (!root_.find(path, Last::keep)) return;
        const auto place = root_.place(path);
        remove_tree(descriptor_path(place.parent) + "/" + place.name);
    }

    void set_owner(const std::string& path, uid_t uid, gid_t gid) override
    {
        const Fd found = root_.require(path, Last::keep);
        if (fchownat(found.get(), "", uid, gid, AT_EMPTY_PATH) != 0)
            throw tree_error("it cannot be given to its owner", path, errno);
    }

    void set_mode(const std::string& path, mode_t mode) override
    {
        const Fd found = root_.require(path, Last::keep);
        if (S_ISLNK(status_of(found, path).st_mode))
            throw Error(Blame::user, "a link has no mode").at(printable(path));
        if (chmod(descriptor_path(found).c_str(), mode) != 0)
            throw tree_error("its mode cannot be set", path, errno);
    }

    void set_xattr(const std::string& path, const std::string& name, std::string_view value) override
    {
        const Fd found = root_.require(path, Last::keep);
        if (setxattr(descriptor_path(found).c_str(), name.c_str(), value.data(), value.size(), 0) != 0)
            throw tree_error("its attribute cannot be set", path, errno);
    }

    void set_mtime(const std::string& path, std::int64_t mtime) override
    {
        const Fd found = root_.require(path, Last::keep);
        if (utimensat(AT_FDCWD, descriptor_path(found).c_str(), times(mtime).data(), 0) != 0)
            throw tree_error("its time cannot be set", path, errno);
    }

    void close() override {}

private:
    static std::optional<std::string> xattr_of(const Fd& fd, const std::string& path, const std::string& name)
    {
        std::string value(65536, '\0'); // XATTR_SIZE_MAX
        const ssize_t size = getxattr(descriptor_path(fd).c_str(), name.c_str(), value.data(), value.size());
        if (size < 0 && (errno == ENODATA || errno == ENOTSUP)) return std::nullopt;
        if (size < 0) throw tree_error("its attribute cannot be read", path, errno);
        value.resize(static_cast<std::size_t>(size));
        return value;
    }

    static void write_piece(const Fd& file, const std::string& path, const GuestContent::Piece& piece)
    {
        std::size_t done = 0;
        while (done < piece.data.size()) {
            const ssize_t count = pwrite(file.get(), piece.data.data() + done, piece.data.size() - done,
                                         static_cast<off_t>(piece.offset + done));
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) throw tree_error("the file cannot be written", path, errno);
            done += static_cast<std::size_t>(count);
        }
    }

    static void give(const Fd& fd, const std::string& path, const GuestAttributes& attributes)
    {
        if (fchown(fd.get(), attributes.uid, attributes.gid) != 0)
            throw tree_error("it cannot be given to its owner", path, errno);
        if (fchmod(fd.get(), attributes.mode) != 0) throw tree_error("its mode cannot be set", path, errno);
        if (attributes.mtime && futimens(fd.get(), times(*attributes.mtime).data()) != 0)
            throw tree_error("its time cannot be set", path, errno);
    }

    ConfinedDirectory root_;
};

} // namespace

std::unique_ptr<GuestTree> open_dir_tree(const std::filesystem::path& root)
{
    const int fd = ::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) throw system_error("the guest's root cannot be opened", root.string(), errno, Blame::user);
    return std::make_unique<DirTree>(Fd(fd));
}

} // namespace ctx
