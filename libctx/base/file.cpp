#include <array>
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/file.hpp>

namespace ctx {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path, std::size_t limit, Blame blame)
{
    // O_NONBLOCK: a FIFO in the place of a file must not stop us.
    const int raw = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (raw < 0) throw system_error("cannot read", path.string(), errno, blame);
    const Fd fd(raw);
    struct stat info{};
    if (::fstat(fd.get(), &info) < 0) throw system_error("cannot read", path.string(), errno, blame);
    if (!S_ISREG(info.st_mode)) throw Error(blame, "not a regular file").at(path.string());

    std::string content;
    std::array<char, 65536> block{};
    for (;;) {
        const ssize_t count = ::read(fd.get(), block.data(), block.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw system_error("cannot read", path.string(), errno, blame);
        if (count == 0) return content;
        content.append(block.data(), static_cast<std::size_t>(count));
        if (content.size() > limit)
            throw Error(blame, "file is too large")
                .at(path.string())
                .because(fmt::format("more than {} bytes", limit));
    }
}

void write_all(int fd, std::string_view data, const fs::path& name)
{
    while (!data.empty()) {
        const ssize_t count = ::write(fd, data.data(), data.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw system_error("cannot write", name.string(), errno);
        data.remove_prefix(static_cast<std::size_t>(count));
    }
}

AtomicFile::AtomicFile(fs::path path, mode_t mode, Durable durable)
    : path_(std::move(path)), durable_(durable)
{
    std::string pattern = (path_.parent_path() / ("." + path_.filename().string() + ".XXXXXX")).string();
    fd_ = Fd(::mkostemp(pattern.data(), O_CLOEXEC));
    if (!fd_) throw system_error("cannot create", path_.string(), errno);
    temporary_ = pattern;
    if (::fchmod(fd_.get(), mode) < 0) {
        const int error_number = errno;
        ::unlink(temporary_.c_str());
        throw system_error("cannot set the mode of", path_.string(), error_number);
    }
}

AtomicFile::~AtomicFile()
{
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::string_view data)
{
    write_all(fd_.get(), data, path_);
}

void AtomicFile::set_owner(uid_t uid, gid_t gid)
{
    if (::fchown(fd_.get(), uid, gid) < 0) throw system_error("cannot give away", path_.string(), errno);
}

void AtomicFile::publish()
{
    if (durable_ == Durable::yes && ::fsync(fd_.get()) < 0)
        throw system_error("cannot write to disk", path_.string(), errno);
    if (::rename(temporary_.c_str(), path_.c_str()) < 0)
        throw system_error("cannot publish", path_.string(), errno);
    temporary_.clear();
    if (durable_ == Durable::yes) sync_directory(path_.parent_path());
}

void write_file(const fs::path& path, std::string_view content, mode_t mode, Durable durable)
{
    AtomicFile file(path, mode, durable);
    file.write(content);
    file.publish();
}

void make_directory(const fs::path& path, mode_t mode)
{
    if (::mkdir(path.c_str(), 0700) < 0) throw system_error("cannot make directory", path.string(), errno);
    if (::chmod(path.c_str(), mode) < 0) throw system_error("cannot set the mode of", path.string(), errno);
}

void make_directory(const fs::path& path, mode_t mode, uid_t uid, gid_t gid)
{
    if (::mkdir(path.c_str(), 0700) < 0) throw system_error("cannot make directory", path.string(), errno);
    if (::lchown(path.c_str(), uid, gid) < 0) throw system_error("cannot give away", path.string(), errno);
    if (::chmod(path.c_str(), mode) < 0) throw system_error("cannot set the mode of", path.string(), errno);
}

void sync_directory(const fs::path& path)
{
    const Fd fd = open_file(path, O_RDONLY | O_DIRECTORY);
    if (::fsync(fd.get()) < 0) throw system_error("cannot write to disk", path.string(), errno);
}

void remove_tree(const fs::path& path)
{
    // Somebody else may be removing the same tree: what is gone by the time we come to it is what we want. Or
    // writing to it for the last time, as a file server does for a client that is gone: that goes, too.
    constexpr int most_tries = 100;
    std::error_code error;
    int tries = 0;
    do {
        error.clear();
        fs::remove_all(path, error);
    } while ((error == std::errc::no_such_file_or_directory || error == std::errc::directory_not_empty) &&
             ++tries < most_tries);
    if (error) throw Error(Blame::node, "cannot remove").at(path.string()).because(error.message());
}

} // namespace ctx
