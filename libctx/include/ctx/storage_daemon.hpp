// Images served by qemu-storage-daemon: whatever their format, a disk's bytes on a socket.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <ctx/base/deadline.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/process.hpp>

namespace ctx {

// Formats are said, never found out: a guest may have written what looks like another one. That the file is
// one nobody has to be afraid of (no file of the host named in it) is for the caller to have seen.
struct ImageFile {
    enum class Format { raw, qcow2 };
    std::filesystem::path path;
    Format format = Format::raw;
};

class StorageDaemon {
public:
    // Serves `image`, read-only. The file's own word for what it stands on is not followed.
    explicit StorageDaemon(const ImageFile& image);
    // Serves `overlay`, a qcow2 on `base`, to be changed; the base is opened read-only.
    StorageDaemon(const std::filesystem::path& overlay, const ImageFile& base);

    // The one connection to it, made before it was started: nobody else can have one. Its handshake waits
    // until the daemon is up. Call it once.
    Fd take_connection() { return std::move(connection_); }

    // Ends it, with all that was written in the file. Throws Error (node) if it did not go well. The
    // destructor kills it, as the kernel does when we end.
    void finish(const Deadline& deadline);

private:
    void start(const std::string& drive, bool writable);

    Fd connection_;
    std::optional<Process> process_;
    Fd messages_; // what it says, a file without a name
};

} // namespace ctx
