// A guest's root file system behind one small interface, whatever holds it: a directory, ext4 in an image,
// libguestfs. It reads and writes; what to write is its caller's business.
//
// Paths are absolute in the guest: "/etc/passwd". Links among their leading parts are followed as the guest
// would follow them, from the guest's root and never out of it; ".." of the root is the root. Whether the
// last part is followed, each function says. All that is read is hostile: names, contents, targets and sizes
// are the guest's.
//
// Errors are ctx::Error: user for what the guest's own files make impossible (no room, a directory where a
// file should be, a loop of links, a damaged file system), node for this host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace ctx {

struct GuestEntry {
    enum class Kind { file, directory, link, other };
    Kind kind = Kind::file;
    mode_t mode = 0; // the permissions alone, 07777
    uid_t uid = 0;
    gid_t gid = 0;
    std::uint64_t size = 0;  // of a file
    std::int64_t mtime = 0;  // in seconds since 1970
    std::uint64_t inode = 0; // the same for names of one file
    std::string target;      // of a link, as it stands there

    friend bool operator==(const GuestEntry&, const GuestEntry&) = default;
};

// What a new file, directory or link gets.
struct GuestAttributes {
    mode_t mode = 0644; // of no meaning for a link
    uid_t uid = 0;
    gid_t gid = 0;
    std::optional<std::int64_t> mtime; // else now
};

// The content of a file to be written, handed out a piece at a time; between the pieces are holes.
class GuestContent {
public:
    struct Piece {
        std::uint64_t offset = 0;
        std::string_view data; // valid until the next call
    };

    GuestContent() = default;
    GuestContent(const GuestContent&) = delete;
    GuestContent& operator=(const GuestContent&) = delete;
    GuestContent(GuestContent&&) = delete;
    GuestContent& operator=(GuestContent&&) = delete;
    virtual ~GuestContent() = default;

    // Of the file, holes included. No piece reaches beyond it.
    virtual std::uint64_t size() const = 0;
    // The next piece, at rising offsets, none empty; nothing at the end.
    virtual std::optional<Piece> next() = 0;
};

// Bytes in memory; they must outlive it.
class BytesContent : public GuestContent {
public:
    explicit BytesContent(std::string_view bytes) : bytes_(bytes) {}
    std::uint64_t size() const override { return bytes_.size(); }
    std::optional<Piece> next() override;

private:
    std::string_view bytes_;
    bool done_ = false;
};

// An open regular file of the host, from its beginning; holes stay holes. The descriptor is borrowed. Throws
// Error (user) if the file shrinks while it is read.
class HostFileContent : public GuestContent {
public:
    explicit HostFileContent(int fd, std::string name);
    std::uint64_t size() const override { return size_; }
    std::optional<Piece> next() override;

private:
    int fd_;
    std::string name_;
    std::uint64_t size_ = 0;
    std::uint64_t offset_ = 0;
    std::vector<char> buffer_;
};

class GuestTree {
public:
    GuestTree() = default;
    GuestTree(const GuestTree&) = delete;
    GuestTree& operator=(const GuestTree&) = delete;
    GuestTree(GuestTree&&) = delete;
    GuestTree& operator=(GuestTree&&) = delete;
    virtual ~GuestTree() = default;

    // --- looking ---
    // What is at the path, a last link not followed; nothing if nothing is there, or a leading part is
    // missing or no directory.
    virtual std::optional<GuestEntry> entry(const std::string& path) const = 0;
    // A file's content, a last link followed. Nothing if there is none; throws Error (user) for what is no
    // regular file or holds more than `limit` bytes.
    virtual std::optional<std::string> read_file(const std::string& path, std::size_t limit) const = 0;
    // The names in a directory, sorted, without "." and ".."; a last link is followed. Empty if there is
    // none; throws Error (user) for more than `limit` names.
    virtual std::vector<std::string> list(const std::string& path, std::size_t limit = 100'000) const = 0;
    // An extended attribute; a last link is not followed.
    virtual std::optional<std::string> get_xattr(const std::string& path, const std::string& name) const = 0;
    virtual std::map<std::string, std::string> xattrs(const std::string& path) const = 0;

    // --- changing ---
    // A last link is never followed. The parent must be there. Nothing may be at the path yet, but for
    // write_file, make_symlink and make_hardlink, which replace what is no directory: other names of the old
    // file keep its content.
    virtual void make_directory(const std::string& path, const GuestAttributes& attributes) = 0;
    virtual void write_file(const std::string& path, GuestContent& content,
                            const GuestAttributes& attributes) = 0;
    virtual void make_symlink(const std::string& path, const std::string& target,
                              const GuestAttributes& attributes) = 0;
    // `existing` is a regular file; a last link there is not followed.
    virtual void make_hardlink(const std::string& path, const std::string& existing) = 0;
    // A file, a link, or a directory with all in it. Nothing there is no error; the root is refused.
    virtual void remove(const std::string& path) = 0;
    // Ownership first, then the mode: set_owner clears the set-id bits, as chown(2) does.
    virtual void set_owner(const std::string& path, uid_t uid, gid_t gid) = 0;
    virtual void set_mode(const std::string& path, mode_t mode) = 0; // not of a link
    virtual void set_xattr(const std::string& path, const std::string& name, std::string_view value) = 0;
    virtual void set_mtime(const std::string& path, std::int64_t mtime) = 0;

    // All changes are where they belong when this returns; the tree takes no more after it. A tree that goes
    // without it may leave its changes half done: the overlay is to be thrown away then.
    virtual void close() = 0;

    // --- on top of those ---
    void write_bytes(const std::string& path, std::string_view bytes, const GuestAttributes& attributes);
    // The path with all its links followed, the last one too: what is to be changed where a link stands for
    // it. A part that is missing stays as it is. Throws Error (user) for a loop.
    std::string real_path(const std::string& path) const;
};

// "/a//./b/../c/" → "/a/c", by the text alone. Throws Error (user) for one that is not absolute or has a NUL.
std::string plain_guest_path(std::string_view path);

} // namespace ctx
