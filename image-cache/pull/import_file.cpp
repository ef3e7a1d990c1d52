#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/fd.hpp>
#include <ctx/base/text.hpp>
#include <image-cache/pull.hpp>

#include "../copy.hpp"
#include "../layout.hpp"
#include "../transfer/url.hpp"
#include "../unpack/content.hpp"

namespace image_cache {

namespace fs = std::filesystem;
using ctx::Blame;
using ctx::Error;

namespace {

struct LocalFile {
    ctx::Fd fd;
    std::uint64_t size = 0;
    Content content = Content::disk;
};

// What cannot be read here is said by the import itself.
LocalFile look_at(const fs::path& file)
{
    // O_NONBLOCK: a FIFO in the place of a file must not stop us.
    LocalFile found{.fd = ctx::Fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK))};
    struct stat info{};
    if (!found.fd || ::fstat(found.fd.get(), &info) < 0 || !S_ISREG(info.st_mode)) return found;
    found.size = static_cast<std::uint64_t>(info.st_size);
    std::string head(512, '\0');
    const ssize_t count = ::pread(found.fd.get(), head.data(), head.size(), 0);
    head.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    found.content = content_of(head);
    return found;
}

// Known before the work: there is no other copy to try, as a pull would.
void check_digest(const LocalFile& file, const std::string& name, const std::string& expected,
                  const ProgressFunction& progress)
{
    const std::string digest = hash_file({.fd = file.fd.get(), .name = name}, file.size, progress);
    if (digest == expected) return;
    throw Error(Blame::user, "the file is not what its checksum promises")
        .at(name)
        .because(
            fmt::format("its {} bytes have sha256:{}, expected was sha256:{}", file.size, digest, expected))
        .mend("get the file again, or the right checksum");
}

} // namespace

Imported import_file(Store& store, const fs::path& file, const ImportOptions& options,
                     const PullLimits& limits)
{
    const LocalFile local = look_at(file);
    const bool is_disk = !is_packed(local.content) && !is_foreign_disk(local.content);
    if (is_disk || options.format == Format::raw) return store.import(file, options);

    const fs::path path = fs::canonical(file);
    PullRequest request;
    request.urls = {file_url(path.string())};
    request.alias = options.alias;
    request.format = options.format;
    request.stale = false;
    request.limits = limits;
    request.progress = options.progress;
    if (options.expected_digest) {
        const std::string expected = parse_digest(*options.expected_digest);
        check_digest(local, ctx::printable(path.string(), 4096), expected, options.progress);
        request.checksum = "sha256:" + expected;
    }
    try {
        Pulled pulled = pull(store, request);
        return {.image = std::move(pulled.image), .was_cached = pulled.result != PullResult::pulled};
    } catch (const Error& error) {
        if (error.blame() != Blame::remote) throw;
        // There is nobody far away.
        throw Error(Blame::user, error.problem())
            .at(error.place())
            .because(error.reason())
            .mend(error.remedy());
    }
}

} // namespace image_cache
