// Files as this project writes and reads them: whole, bounded, published by rename.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>

namespace ctx {

// A file's content. Throws Error when it cannot be read, is no regular file or holds more than `limit` bytes.
std::string read_file(const std::filesystem::path& path, std::size_t limit, Blame blame = Blame::node);

// Writes all of `data`, however many write(2) it takes. Throws Error (node).
void write_all(int fd, std::string_view data, const std::filesystem::path& name);

// `yes`: content and name reach the disk before publish() returns. For what outlives the job, or what removal
// after a power cut depends on.
enum class Durable { no, yes };

// A file that appears under its name complete or not at all. Until publish() it lives beside its final place
// as
// `.NAME.XXXXXX`; the destructor removes it if it was not published.
class AtomicFile {
public:
    AtomicFile(std::filesystem::path path, mode_t mode, Durable durable = Durable::no);
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;
    AtomicFile(AtomicFile&&) = delete;
    AtomicFile& operator=(AtomicFile&&) = delete;
    ~AtomicFile();

    int fd() const noexcept { return fd_.get(); }
    const std::filesystem::path& temporary_path() const noexcept { return temporary_; }
    void write(std::string_view data);
    void set_owner(uid_t uid, gid_t gid);
    void publish();

private:
    std::filesystem::path path_;
    std::filesystem::path temporary_;
    Durable durable_;
    Fd fd_;
};

void write_file(const std::filesystem::path& path, std::string_view content, mode_t mode,
                Durable durable = Durable::no);

// Makes one directory with exactly this mode and owner, whatever the umask. It may not exist yet.
void make_directory(const std::filesystem::path& path, mode_t mode);
void make_directory(const std::filesystem::path& path, mode_t mode, uid_t uid, gid_t gid);

// fsync of a directory: a rename or unlink in it is on disk when this returns.
void sync_directory(const std::filesystem::path& path);

// Removes a file or a whole tree; that nothing is there is no error. Follows no link, also while another
// process swaps entries (libstdc++ 12 walks with openat). Throws Error (node).
void remove_tree(const std::filesystem::path& path);

} // namespace ctx
