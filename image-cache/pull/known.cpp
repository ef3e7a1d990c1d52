#include "known.hpp"

#include <ctime>
#include <filesystem>

#include <fmt/format.h>

#include "../aliases.hpp"
#include "../lock.hpp"
#include "../lookup.hpp"
#include "../metadata.hpp"
#include "../transfer/url.hpp"

namespace image_cache {

namespace fs = std::filesystem;
using ctx::Error;

std::string demand_of(const PullRequest& request)
{
    std::string demand;
    if (!request.checksum_url.empty()) demand += fmt::format("checksums {}; ", request.checksum_url);
    if (!request.signature_url.empty())
        demand += fmt::format("signature {} by {}; ", request.signature_url, request.keyring);
    if (request.embedded_signer)
        demand += fmt::format("signer {} by {}; ", request.embedded_signer->subject,
                              request.embedded_signer->ca_file);
    return demand;
}

std::optional<Pulled> Known::by_checksum(const std::optional<Checksum>& checksum) const
{
    if (!checksum) return std::nullopt;
    if (const std::optional<SourceRecord> record = read_source(layout_, key_of(*checksum)))
        if (std::optional<Pulled> hit = by_digest(record->image)) return hit;
    // The file of an image that was imported.
    return checksum->kind == HashKind::sha256 ? by_digest(checksum->hex) : std::nullopt;
}

std::optional<Pulled> Known::by_address() const
{
    const std::optional<SourceRecord> record = read_source(layout_, key_of_url(request_.urls.front()));
    if (!record) return std::nullopt;
    const std::string demand = demand_of(request_);
    return demand.empty() || demand == record->demand ? by_digest(record->image) : std::nullopt;
}

std::optional<Pulled> Known::by_content(const Arrival& arrival) const
{
    if (request_.cache_only == CacheOnly::never || request_.format) return std::nullopt;
    if (!is_packed(arrival.packed_as) && !is_foreign_disk(arrival.packed_as)) return std::nullopt;
    return by_checksum(Checksum{.kind = HashKind::sha256, .hex = arrival.sha256});
}

SourceRecord Known::record_of(const std::string& image, const std::string& url,
                              const std::string& verified) const
{
    return {.image = image,
            .url = shown_url(url),
            .etag = {},
            .last_modified = {},
            .checked = std::time(nullptr),
            .format = request_.format ? std::string(to_string(*request_.format)) : "",
            .verified = verified,
            .demand = demand_of(request_)};
}

void Known::remember_address(const std::string& image, const ResponseHead& head, const std::string& url,
                             const std::string& verified) const
{
    SourceRecord record = record_of(image, url, verified);
    // Validators are of the first address: it is the one that is asked whether anything changed.
    if (url == request_.urls.front()) {
        record.etag = head.etag;
        record.last_modified = head.last_modified;
    }
    write_source(layout_, key_of_url(request_.urls.front()), record);
}

void Known::remember_file(const std::string& image, const Arrival& arrival, const std::string& url,
                          const std::string& verified) const
{
    const SourceRecord record = record_of(image, url, verified);
    if (arrival.sha256 != image)
        write_source(layout_, key_of({.kind = HashKind::sha256, .hex = arrival.sha256}), record);
    if (!arrival.sha512.empty())
        write_source(layout_, key_of({.kind = HashKind::sha512, .hex = arrival.sha512}), record);
}

std::optional<Pulled> Known::by_digest(const std::string& digest) const
try {
    const Image image = load(layout_, resolve(layout_, "sha256:" + digest), {});
    if (request_.format && *request_.format != image.format) return std::nullopt;
    if (fs::file_size(image.path) != image.file_size) return std::nullopt;
    point_name(image);
    return Pulled{.image =
                      load(layout_, {.digest = image.digest, .format = image.format}, read_aliases(layout_)),
                  .result = PullResult::cached,
                  .report = read_metadata(layout_, digest).value_or(Metadata{}).pull.value_or(PullReport{}),
                  .warning = {}};
} catch (const Error& error) {
    if (error.timed_out()) throw;
    return std::nullopt; // gone or damaged: a pull mends it
} catch (const fs::filesystem_error&) {
    return std::nullopt; // gone this moment
}

void Known::point_name(const Image& image) const
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

} // namespace image_cache
