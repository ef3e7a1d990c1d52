#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

#include <fmt/format.h>

#include <ctx/base/fd.hpp>
#include <ctx/base/text.hpp>
#include <image-cache/inspect_file.hpp>
#include <image-cache/store.hpp>

#include "aliases.hpp"
#include "copy.hpp"
#include "lock.hpp"
#include "lookup.hpp"
#include "publish.hpp"
#include "temporary.hpp"

namespace image_cache {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ctx::Blame;
using ctx::Error;

namespace {

std::int64_t nanoseconds(const timespec& time)
{
    return time.tv_sec * std::int64_t{1'000'000'000} + time.tv_nsec;
}

// The file to be imported, open.
class Source {
public:
    explicit Source(const fs::path& file)
    {
        // O_NONBLOCK: a FIFO in the place of a file must not stop us.
        fd_ = ctx::Fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
        if (!fd_) throw unreadable(file, errno);
        std::error_code failure;
        const fs::path canonical = fs::canonical(file, failure);
        path_ = failure ? fs::absolute(file).string() : canonical.string();
        fingerprint_ = look();
        opened_ = nanoseconds_now();
    }

    NamedFd named() const { return {.fd = fd_.get(), .name = ctx::printable(path_, 4096)}; }
    const std::string& path() const { return path_; }
    std::uint64_t size() const { return fingerprint_.size; }
    const Fingerprint& fingerprint() const { return fingerprint_; }

    void check_unchanged() const
    {
        if (look() == fingerprint_) return;
        throw Error(Blame::user, "the file was changed while it was read")
            .at(named().name)
            .because("something writes to it: a running machine, or a download that is not done")
            .mend("let that end, then import again");
    }

    // Changed again within the same tick of the kernel's clock, a file would keep its fingerprint: one that
    // was changed so recently is not to be known by it.
    bool settled() const { return opened_ - fingerprint_.changed > std::chrono::nanoseconds(100ms).count(); }

private:
    static Error unreadable(const fs::path& file, int error_number)
    {
        return ctx::system_error("cannot read the image to import", ctx::printable(file.string(), 4096),
                                 error_number, Blame::user)
            .mend(error_number == ENOENT ? "check the path" : "make it readable for whoever imports it");
    }

    static std::int64_t nanoseconds_now()
    {
        return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
    }

    Fingerprint look() const
    {
        struct stat info{};
        if (::fstat(fd_.get(), &info) < 0) throw unreadable(path_, errno);
        if (!S_ISREG(info.st_mode))
            throw Error(Blame::user, "not a regular file").at(named().name).mend("name an image file");
        return {.path = path_,
                .size = static_cast<std::uint64_t>(info.st_size),
                .device = info.st_dev,
                .inode = info.st_ino,
                .modified = nanoseconds(info.st_mtim),
                .changed = nanoseconds(info.st_ctim)};
    }

    ctx::Fd fd_;
    std::string path_;
    Fingerprint fingerprint_;
    std::int64_t opened_ = 0;
};

struct Request {
    std::string alias;
    std::optional<Format> format;
    std::optional<std::string> digest; // that it must have
};

Request check(const ImportOptions& options)
{
    Request request{.alias = options.alias, .format = options.format, .digest = {}};
    if (!options.alias.empty()) check_alias(options.alias);
    if (options.expected_digest) request.digest = parse_digest(*options.expected_digest);
    return request;
}

// The image this very file became under this name, if neither has changed since. Reads nothing of the file.
std::optional<Image> known_unchanged(const Layout& layout, const Source& source, const Request& request)
{
    if (request.alias.empty()) return std::nullopt;
    try {
        const std::optional<Alias> alias = read_alias(layout, request.alias);
        if (!alias || alias->source != source.fingerprint()) return std::nullopt;
        if (request.digest && *request.digest != alias->now.digest) return std::nullopt;
        Image image = load(layout, resolve(layout, request.alias), read_aliases(layout));
        if (request.format && *request.format != image.format) return std::nullopt;
        if (fs::file_size(image.path) != image.file_size) return std::nullopt;
        return image;
    } catch (const std::exception&) {
        return std::nullopt; // whatever is wrong there, importing mends it
    }
}

void check_digest(const Source& source, const Request& request, const std::string& digest)
{
    if (!request.digest || *request.digest == digest) return;
    throw Error(Blame::user, "the file is not what its checksum promises")
        .at(source.named().name)
        .because(fmt::format("its {} bytes have sha256:{}, expected was sha256:{}", source.size(), digest,
                             *request.digest))
        .mend("get the file again, or the right checksum");
}

} // namespace

Imported Store::import(const fs::path& file, const ImportOptions& options)
{
    const Layout layout{cache_dir_};
    const Request request = check(options);
    const Source source(file);
    if (std::optional<Image> known = known_unchanged(layout, source, request))
        return {.image = std::move(*known), .was_cached = true};

    // Once before the work, to say no at once, and once below, of what is really published.
    inspect_file(source.named().fd, source.size(), request.format, source.named().name);

    layout.make();
    const auto temporary = [&] {
        const CacheLock lock(layout);
        sweep(layout, lock);
        return std::make_unique<Temporary>(layout, lock);
    }();
    const std::string digest =
        copy_and_hash(source.named(), {.fd = temporary->fd(), .name = layout.images().string()},
                      source.size(), options.progress);
    source.check_unchanged();
    check_digest(source, request, digest);
    const Inspected disk = inspect_file(temporary->fd(), source.size(), request.format, source.named().name);

    return publish(layout, *temporary,
                   {.digest = digest,
                    .disk = disk,
                    .file_size = source.size(),
                    .source = source.path(),
                    .alias = request.alias,
                    .fingerprint = source.settled() ? std::optional(source.fingerprint()) : std::nullopt,
                    .pull = {}});
}

} // namespace image_cache
