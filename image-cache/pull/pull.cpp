#include <chrono>
#include <ctime>
#include <filesystem>

#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/text.hpp>
#include <image-cache/inspect.hpp>
#include <image-cache/pull.hpp>

#include "../lock.hpp"
#include "../metadata.hpp"
#include "../publish.hpp"
#include "../transfer/url.hpp"
#include "download.hpp"
#include "download_lock.hpp"
#include "known.hpp"
#include "make_fit.hpp"
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
    Puller(Layout layout, const PullRequest& request)
        : layout_(std::move(layout)), request_(request), address_key_(key_of_url(request.urls.front())),
          known_(layout_, request)
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
            // A checksum that was said is of one image; nothing else will do.
            if (error.blame() != Blame::remote || !request_.stale || !request_.checksum.empty() ||
                request_.cache_only != CacheOnly::automatic)
                throw;
            std::optional<Pulled> stale = known_.by_address();
            if (!stale) throw;
            stale->result = PullResult::stale;
            stale->warning = error.one_line();
            return std::move(*stale);
        }
    }

private:
    std::optional<Pulled> known_without_asking()
    {
        switch (request_.cache_only) {
        case CacheOnly::never: return std::nullopt;
        case CacheOnly::automatic: return known_.by_checksum(proof_.checksum);
        default: break;
        }
        if (std::optional<Pulled> hit = known_.by_checksum(proof_.checksum)) return hit;
        return proof_.checksum ? std::nullopt : known_.by_address();
    }

    Error not_cached() const
    {
        return Error(Blame::node, "the image is not in the cache, and nothing may be fetched")
            .at(shown_url(request_.urls.front()))
            .because("--cache-only=always")
            .mend("pull it where the network may be used, or import its file");
    }

    Pulled ask()
    {
        require_proof(request_);
        layout_.make();
        proof_ = find_proof(request_, request_.cache_only == CacheOnly::never);
        if (request_.cache_only != CacheOnly::never)
            if (std::optional<Pulled> hit = known_.by_checksum(proof_.checksum)) {
                known_.remember_address(hit->image.digest, {}, hit->report.url, proof_.verified);
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
            if (std::optional<Pulled> hit =
                    proof_.checksum ? known_.by_checksum(proof_.checksum) : known_.by_address())
                return std::move(*hit);
        return fetch_from_mirrors(key);
    }

    void show_other(const std::string& key) const
    {
        if (!request_.progress) return;
        const PartProgress other = look_at_part(layout_, key);
        if (other.total == 0 && other.done == 0) return; // not begun, or done: its record is gone
        request_.progress({.stage = "wait", .done = other.done, .total = other.total});
    }

    Pulled fetch_from_mirrors(const std::string& key)
    {
        {
            const CacheLock cache(layout_);
            sweep(layout_, cache);
        }
        for (std::size_t i = 0; i < request_.urls.size(); ++i) {
            try {
                PartFile part(layout_, key); // what the mirror before has left, or a new one
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
                report_.failures.emplace_back(error.what());
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
        report_.bytes = result.arrival->bytes;
        report_.resumed = result.resumed;
        report_.packed_as =
            is_packed(result.arrival->packed_as) ? std::string(to_string(result.arrival->packed_as)) : "";
        check_signatures(request_, part.file(), part.path().string(), result.arrival->bytes, proof_);
        report_.verified = proof_.verified;
        Pulled pulled{.image = {}, .result = PullResult::cached, .report = report_, .warning = {}};
        if (std::optional<Pulled> known = known_.by_content(*result.arrival)) {
            pulled.image = std::move(known->image);
        } else {
            pulled.image = publish_arrival(part, *result.arrival, url);
            pulled.result = PullResult::pulled;
            known_.remember_file(pulled.image.digest, *result.arrival, url, proof_.verified);
        }
        pulled.report = report_;
        part.remove();
        known_.remember_address(pulled.image.digest, result.head, url, proof_.verified);
        return pulled;
    }

    Image publish_arrival(PartFile& part, Arrival& arrival, const std::string& url)
    {
        const Clock::time_point arrived = Clock::now();
        const bool is_part = !arrival.unpacked;
        Incoming came = unpublished(part, arrival);
        try {
            std::optional<Incoming> qcow2 = converted(layout_, came, request_);
            Incoming& incoming = qcow2 ? *qcow2 : came;
            const Inspected disk = make_fit(incoming, request_, url);
            report_.publish_seconds = seconds_since(arrived);
            return publish(layout_, *incoming.file,
                           {.digest = incoming.digest,
                            .disk = disk,
                            .file_size = incoming.size,
                            .source = shown_url(url),
                            .alias = request_.alias,
                            .fingerprint = {},
                            .pull = report_})
                .image;
        } catch (const Error& error) {
            // It is good, and only this host could not make it an image: the next try need not fetch it.
            if (is_part && error.blame() == Blame::node)
                came.file->leave();
            else if (is_part)
                part.remove();
            throw;
        }
    }

    Pulled still_the_same()
    {
        std::optional<Pulled> hit = known_.by_address();
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
        if (!is_anew && !proof_.checksum && known_.by_address())
            task.known = read_source(layout_, address_key_);
        DownloadResult result = download(part, task);
        if (!result.arrival || matches(*result.arrival)) return result;
        // NOLINTBEGIN(bugprone-unchecked-optional-access): past caches there is an arrival; a mismatch has a
        // checksum
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
        if (result.head.status != 0) why += fmt::format("; the server said {}", result.head.status);
        // NOLINTEND(bugprone-unchecked-optional-access)
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
        const bool is_512 = proof_.checksum && proof_.checksum->kind == HashKind::sha512;
        return is_512 ? "sha512:" + arrival.sha512 : "sha256:" + arrival.sha256;
    }

    static std::string beginning_of(const PartFile& part)
    {
        std::string head(512, '\0');
        const ssize_t count = ::pread(part.file().fd, head.data(), head.size(), 0);
        head.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
        return head;
    }

    const Layout layout_;
    const PullRequest& request_;
    std::string address_key_;
    Known known_;
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
