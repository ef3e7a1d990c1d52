#include <chrono>
#include <ctime>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/file.hpp>
#include <ctx/base/text.hpp>
#include <image-cache/inspect.hpp>
#include <image-cache/pull.hpp>

#include "../aliases.hpp"
#include "../convert/convert.hpp"
#include "../copy.hpp"
#include "../lock.hpp"
#include "../lookup.hpp"
#include "../metadata.hpp"
#include "../publish.hpp"
#include "../transfer/url.hpp"
#include "download.hpp"
#include "download_lock.hpp"
#include "proof.hpp"
#include "source_records.hpp"

namespace image_cache {

namespace fs = std::filesystem;
using ctx::Blame;
using ctx::Error;
using Clock = std::chrono::steady_clock;

std::string_view to_string(PullResult result)
{
    switch (result) {
    case PullResult::pulled: return "pulled";
    case PullResult::cached: return "cached";
    default: return "stale";
    }
}

namespace {

double seconds_since(Clock::time_point begun)
{
    return std::chrono::duration<double>(Clock::now() - begun).count();
}

class Puller {
public:
    Puller(const Layout& layout, const PullRequest& request)
        : layout_(layout), request_(request), address_key_(key_of_url(request.urls.front()))
    {
    }

    Pulled run()
    {
        if (!request_.checksum.empty()) proof_.checksum = require_checksum(request_.checksum);
        if (std::optional<Pulled> hit = known_without_asking()) return std::move(*hit);
        if (request_.cache_only == CacheOnly::always) throw not_cached();
        try {
            return ask();
        } catch (const Error& error) {
            if (error.blame() != Blame::remote || !request_.stale ||
                request_.cache_only != CacheOnly::automatic)
                throw;
            std::optional<Pulled> stale = by_address();
            if (!stale) throw;
            stale->result = PullResult::stale;
            stale->warning = error.one_line();
            return std::move(*stale);
        }
    }

private:
    // ---- what is here already ----

    std::optional<Pulled> by_key(const std::string& key)
    {
        const std::optional<SourceRecord> record = read_source(layout_, key);
        return record ? by_digest(record->image) : std::nullopt;
    }

    std::optional<Pulled> by_address() { return by_key(address_key_); }

    std::optional<Pulled> by_checksum()
    {
        if (!proof_.checksum) return std::nullopt;
        if (std::optional<Pulled> hit = by_key(key_of(*proof_.checksum))) return hit;
        // The file of an image that was imported.
        return proof_.checksum->kind == HashKind::sha256 ? by_digest(proof_.checksum->hex) : std::nullopt;
    }

    std::optional<Pulled> by_digest(const std::string& digest)
    try {
        Image image = load(layout_, resolve(layout_, "sha256:" + digest), {});
        if (request_.format && *request_.format != image.format) return std::nullopt;
        if (fs::file_size(image.path) != image.file_size) return std::nullopt;
        point_name(image);
        return Pulled{
            .image = load(layout_, {.digest = image.digest, .format = image.format}, read_aliases(layout_)),
            .result = PullResult::cached,
            .report = read_metadata(layout_, digest).value_or(Metadata{}).pull.value_or(PullReport{}),
            .warning = {}};
    } catch (const Error& error) {
        if (error.problem() != "the image cache stayed locked for a minute") return std::nullopt;
        throw;
    } catch (const fs::filesystem_error&) {
        return std::nullopt; // gone this moment
    }

    void point_name(const Image& image)
    {
        touch(layout_, image.digest);
        if (request_.alias.empty()) return;
        try {
            const std::optional<Alias> alias = read_alias(layout_, request_.alias);
            if (alias && alias->now.digest == image.digest) return;
        } catch (const Error&) { // NOLINT(bugprone-empty-catch): a damaged one is written anew
        }
        const CacheLock lock(layout_);
        point_alias(layout_, request_.alias, image.digest, {});
    }

    std::optional<Pulled> known_without_asking()
    {
        switch (request_.cache_only) {
        case CacheOnly::never: return std::nullopt;
        case CacheOnly::automatic: return by_checksum();
        default: break;
        }
        if (std::optional<Pulled> hit = by_checksum()) return hit;
        return proof_.checksum ? std::nullopt : by_address();
    }

    Error not_cached() const
    {
        return Error(Blame::node, "the image is not in the cache, and nothing may be fetched")
            .at(shown_url(request_.urls.front()))
            .because("--cache-only=always")
            .mend("pull it where the network may be used, or import its file");
    }

    // ---- asking ----

    Pulled ask()
    {
        require_proof(request_);
        layout_.make();
        proof_ = find_proof(request_, request_.cache_only == CacheOnly::never);
        if (request_.cache_only != CacheOnly::never)
            if (std::optional<Pulled> hit = by_checksum()) {
                remember(hit->image.digest, {}, hit->report.url);
                return std::move(*hit);
            }

        const std::string key = proof_.checksum ? key_of(*proof_.checksum) : address_key_;
        const Clock::time_point begun = Clock::now();
        bool waited = false;
        const DownloadLock lock(layout_, key, request_.deadline, [&] {
            waited = true;
            if (request_.still_wanted) request_.still_wanted();
            show_other(key);
        });
        report_.wait_seconds = seconds_since(begun);
        // Whoever had the lock asked after we had come: what that one found is as new as what we would find.
        if (waited && request_.cache_only != CacheOnly::never)
            if (std::optional<Pulled> hit = proof_.checksum ? by_checksum() : by_address())
                return std::move(*hit);
        return fetch_from_mirrors(key);
    }

    void show_other(const std::string& key) const
    {
        if (!request_.progress) return;
        const PartProgress other = look_at_part(layout_, key);
        request_.progress({.stage = "wait", .done = other.done, .total = other.total});
    }

    Pulled fetch_from_mirrors(const std::string& key)
    {
        {
            const CacheLock cache(layout_);
            sweep(layout_, cache);
        }
        PartFile part(layout_, key);
        for (std::size_t i = 0; i < request_.urls.size(); ++i) {
            try {
                return fetch(part, request_.urls[i]);
            } catch (Error& error) {
                const bool is_last = i + 1 == request_.urls.size();
                // What this host or the request is to blame for, no mirror mends; but a file that is missing
                // here may be there.
                if (is_last) {
                    for (const std::string& failure : report_.failures)
                        error.add_context("before that: " + failure);
                    throw;
                }
                if (error.blame() == Blame::node) throw;
                report_.failures.push_back(error.what());
            }
        }
        throw Error(Blame::user, "no address to pull from");
    }

    Pulled fetch(PartFile& part, const std::string& url)
    {
        const Clock::time_point begun = Clock::now();
        const bool is_anew = request_.cache_only == CacheOnly::never;
        DownloadResult result = download_proved(part, url, is_anew);
        report_.fetch_seconds = seconds_since(begun);
        report_.url = shown_url(url);
        report_.final_url = shown_url(result.head.final_url);
        if (!result.arrival) {
            part.remove();
            return still_the_same();
        }
        const Clock::time_point arrived = Clock::now();
        report_.bytes = result.arrival->bytes;
        report_.resumed = result.resumed;
        report_.packed_as =
            is_packed(result.arrival->packed_as) ? std::string(to_string(result.arrival->packed_as)) : "";
        check_signatures(request_, part.file(), part.path().string(), result.arrival->bytes, proof_);
        report_.verified = proof_.verified;
        Pulled pulled = publish_arrival(part, *result.arrival, url, arrived);
        remember(pulled.image.digest, result.head, url);
        remember_digests(pulled.image.digest, *result.arrival, url);
        return pulled;
    }

    Pulled still_the_same()
    {
        std::optional<Pulled> hit = by_address();
        if (!hit)
            throw Error(Blame::node, "the image was removed while its server was asked")
                .at(shown_url(request_.urls.front()))
                .mend("ask again");
        std::optional<SourceRecord> record = read_source(layout_, address_key_);
        if (record) {
            record->checked = std::time(nullptr);
            write_source(layout_, address_key_, *record);
        }
        return std::move(*hit);
    }

    // What does not match its checksum is fetched once more past all caches on the way, then it is wrong.
    DownloadResult download_proved(PartFile& part, const std::string& url, bool is_anew)
    {
        DownloadTask task{
            .url = url,
            .request = request_,
            .intake = {.layout = layout_,
                       .limits = request_.limits,
                       .wants_sha512 = proof_.checksum && proof_.checksum->kind == HashKind::sha512},
            .has_digest = proof_.checksum.has_value(),
            .known = {},
            .past_caches = is_anew};
        if (!is_anew && !proof_.checksum && by_address()) task.known = read_source(layout_, address_key_);
        DownloadResult result = download(part, task);
        if (!result.arrival || matches(*result.arrival)) return result;
        result = {};
        task.past_caches = true;
        if (!request_.checksum_url.empty()) proof_ = find_proof(request_, true);
        result = download(part, task);
        if (matches(*result.arrival)) return result;
        const Arrival& wrong = *result.arrival;
        const std::string head = beginning_of(part);
        const fs::path aside = part.quarantine();
        const auto foreign = foreign_content(head);
        std::string why = fmt::format("its {} bytes have {}, expected was {}", wrong.bytes, actual(wrong),
                                      to_string(*proof_.checksum));
        if (foreign) why += fmt::format("; what came looks like {}", *foreign);
        std::string place = shown_url(url);
        if (result.head.final_url != url)
            place += fmt::format(" (redirected to {})", shown_url(result.head.final_url));
        if (!request_.network.proxy.empty())
            place += fmt::format(" through the proxy {}", shown_url(request_.network.proxy));
        throw Error(Blame::remote, "the file is not what its checksum promises")
            .at(std::move(place))
            .because(std::move(why))
            .mend(fmt::format(
                "it was fetched twice, the second time past all caches; see what came: {}; or the "
                "checksum is of another version",
                aside.string()));
    }

    bool matches(const Arrival& arrival) const
    {
        return !proof_.checksum || actual(arrival) == to_string(*proof_.checksum);
    }

    std::string actual(const Arrival& arrival) const
    {
        return proof_.checksum->kind == HashKind::sha256 ? "sha256:" + arrival.sha256
                                                         : "sha512:" + arrival.sha512;
    }

    static std::string beginning_of(const PartFile& part)
    {
        std::string head(512, '\0');
        const ssize_t count = ::pread(part.file().fd, head.data(), head.size(), 0);
        head.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
        return head;
    }

    Pulled publish_arrival(PartFile& part, Arrival& arrival, const std::string& url,
                           Clock::time_point arrived)
    {
        Incoming incoming = arrival.unpacked ? Incoming{.file = arrival.unpacked->take_file(),
                                                        .digest = arrival.unpacked->digest(),
                                                        .size = arrival.unpacked->size(),
                                                        .content = arrival.unpacked->content()}
                                             : Incoming{.file = part.release(),
                                                        .digest = arrival.sha256,
                                                        .size = arrival.bytes,
                                                        .content = arrival.packed_as};
        incoming = made_readable(layout_, std::move(incoming), request_);
        const Inspected disk =
            inspect_file(incoming.file->fd(), incoming.size, request_.format, shown_url(url));
        if (disk.virtual_size > request_.limits.virtual_size)
            throw Error(Blame::remote, "the image's disk is larger than disks may be")
                .at(shown_url(url))
                .because(fmt::format("a guest would see {} bytes, and {} is the most", disk.virtual_size,
                                     ctx::format_size(request_.limits.virtual_size)))
                .mend("raise images.max_virtual_size if it is right");
        if (is_on_network(incoming.file->fd())) check_again(incoming);
        incoming.file->seal();
        report_.publish_seconds = seconds_since(arrived);
        Imported imported = publish(layout_, *incoming.file,
                                    {.digest = incoming.digest,
                                     .disk = disk,
                                     .file_size = incoming.size,
                                     .source = shown_url(url),
                                     .alias = request_.alias,
                                     .fingerprint = {},
                                     .pull = report_});
        if (arrival.unpacked) part.remove();
        return {.image = std::move(imported.image),
                .result = PullResult::pulled,
                .report = report_,
                .warning = {}};
    }

    // Where locks come from a server that may forget them, somebody else may have written here, too.
    void check_again(const Incoming& incoming) const
    {
        if (::fsync(incoming.file->fd()) < 0)
            throw ctx::system_error("cannot write to disk", incoming.file->path().string(), errno);
        const ctx::Fd fresh = ctx::open_file(incoming.file->path(), O_RDONLY);
        if (hash_file({.fd = fresh.get(), .name = incoming.file->path().string()}, incoming.size,
                      request_.progress) == incoming.digest)
            return;
        throw Error(Blame::node, "what was written is not what came")
            .at(incoming.file->path().string())
            .because("another process wrote to it, or the file server lost something")
            .mend("ask again: nothing wrong was published");
    }

    // ---- remembering ----

    SourceRecord record_of(const std::string& image, const std::string& url) const
    {
        return {.image = image,
                .url = shown_url(url),
                .etag = {},
                .last_modified = {},
                .checked = std::time(nullptr),
                .format = request_.format ? std::string(to_string(*request_.format)) : "",
                .verified = proof_.verified};
    }

    void remember(const std::string& image, const ResponseHead& head, const std::string& url) const
    {
        SourceRecord record = record_of(image, url);
        // Validators are of the first address: it is the one that is asked whether anything changed.
        if (url == request_.urls.front()) {
            record.etag = head.etag;
            record.last_modified = head.last_modified;
        }
        write_source(layout_, address_key_, record);
    }

    void remember_digests(const std::string& image, const Arrival& arrival, const std::string& url) const
    {
        const SourceRecord record = record_of(image, url);
        if (arrival.sha256 != image)
            write_source(layout_, key_of({.kind = HashKind::sha256, .hex = arrival.sha256}), record);
        if (!arrival.sha512.empty())
            write_source(layout_, key_of({.kind = HashKind::sha512, .hex = arrival.sha512}), record);
    }

    const Layout layout_;
    const PullRequest& request_;
    std::string address_key_;
    Proof proof_;
    PullReport report_;
};

} // namespace

Pulled pull(Store& store, const PullRequest& request)
{
    if (request.urls.empty()) throw Error(Blame::user, "no address to pull from").mend("give one");
    for (const std::string& url : request.urls) check_url(url);
    if (!request.alias.empty()) check_alias(request.alias);
    return Puller(Layout{store.cache_dir()}, request).run();
}

std::optional<PullReport> pull_report(const Store& store, const Image& image)
try {
    const std::optional<Metadata> metadata = read_metadata(Layout{store.cache_dir()}, image.digest);
    return metadata ? metadata->pull : std::nullopt;
} catch (const Error&) {
    return std::nullopt; // `list` tells what is damaged
}

} // namespace image_cache
