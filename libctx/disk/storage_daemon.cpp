#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>
#include <ctx/base/text.hpp>
#include <ctx/storage_daemon.hpp>

namespace ctx {

namespace {

using nlohmann::json;

struct Sockets {
    Fd listening;
    Fd connection;
};

// A listening socket and the one connection to it. The name they need for a moment is gone when this returns.
Sockets make_sockets()
{
    std::string directory = "/tmp/vmbatch-nbd-XXXXXX";
    if (::mkdtemp(directory.data()) == nullptr)
        throw system_error("cannot make a directory", directory, errno);
    const std::string path = directory + "/socket";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(&address.sun_path[0], sizeof address.sun_path - 1);
    const auto* name = reinterpret_cast<const sockaddr*>(&address);

    Sockets sockets{.listening = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)),
                    .connection = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))};
    const bool connected = ::bind(sockets.listening.get(), name, sizeof address) == 0 &&
                           ::listen(sockets.listening.get(), 1) == 0 &&
                           ::connect(sockets.connection.get(), name, sizeof address) == 0;
    const int why = errno;
    ::unlink(path.c_str());
    ::rmdir(directory.c_str());
    if (!connected) throw system_error("cannot make a socket", path, why);
    return sockets;
}

json file_of(const std::filesystem::path& path, bool writable)
{
    return {
        {"driver", "file"}, {"filename", std::filesystem::absolute(path).string()}, {"read-only", !writable}};
}

json drive_of(const ImageFile& image)
{
    json drive = {{"driver", image.format == ImageFile::Format::raw ? "raw" : "qcow2"},
                  {"node-name", "drive"},
                  {"read-only", true},
                  {"file", file_of(image.path, false)}};
    // Whatever the file says it stands on.
    if (image.format == ImageFile::Format::qcow2) drive["backing"] = nullptr;
    return drive;
}

} // namespace

StorageDaemon::StorageDaemon(const ImageFile& image)
{
    start(drive_of(image).dump(), false);
}

StorageDaemon::StorageDaemon(const std::filesystem::path& overlay, const ImageFile& base)
{
    json below = drive_of(base);
    below.erase("node-name");
    // No flush is waited for: an overlay is of use as a whole or thrown away, and it does not outlive its
    // job.
    const json drive = {
        {"driver", "qcow2"},  {"node-name", "drive"},          {"read-only", false},
        {"discard", "unmap"}, {"cache", {{"no-flush", true}}}, {"file", file_of(overlay, true)},
        {"backing", below}};
    start(drive.dump(), true);
}

void StorageDaemon::start(const std::string& drive, bool writable)
{
    Sockets sockets = make_sockets();
    messages_ = Fd(::memfd_create("messages", MFD_CLOEXEC));
    if (!messages_) throw system_error("cannot make a file in memory", "", errno);
    const json exported = {
        {"type", "nbd"}, {"id", "export"}, {"node-name", "drive"}, {"name", ""}, {"writable", writable}};
    process_.emplace(ProcessSpec{.argv = {"/usr/bin/qemu-storage-daemon", "--nbd-server",
                                          "addr.type=fd,addr.str=0,max-connections=1", "--blockdev", drive,
                                          "--export", exported.dump()},
                                 .standard_input = sockets.listening.get(),
                                 .standard_error = messages_.get(),
                                 .own_session = true});
    connection_ = std::move(sockets.connection);
}

void StorageDaemon::finish(const Deadline& deadline)
{
    connection_ = Fd();
    process_->signal(SIGTERM);
    const std::optional<ExitStatus> status = process_->wait(deadline);
    if (status && status->success()) return;
    std::array<char, 500> said{};
    const ssize_t count = ::pread(messages_.get(), said.data(), said.size(), 0);
    const std::string why = count > 0 ? printable({said.data(), static_cast<std::size_t>(count)}, said.size())
                                      : "no message from it";
    constexpr auto problem = "qemu-storage-daemon did not end well";
    if (!status) throw Error(Blame::node, problem).because(why).as_timeout();
    throw Error(Blame::node, problem).because(why);
}

} // namespace ctx
