#include "source_records.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/digest.hpp>

#include "../lock.hpp"
#include "../strict_json.hpp"

namespace image_cache {

std::string key_of(const Checksum& checksum)
{
    return fmt::format("{}-{}", to_string(checksum.kind), checksum.hex);
}

std::string key_of_url(std::string_view url)
{
    return fmt::format("url-{}", ctx::sha256_hex(url));
}

std::optional<SourceRecord> read_source(const Layout& layout, const std::string& key)
try {
    const std::optional<JsonRecord> record = JsonRecord::read(layout.source(key), "it is not needed");
    if (!record) return std::nullopt;
    SourceRecord source{.image = record->text("image"),
                        .url = record->text("url"),
                        .etag = record->text("etag"),
                        .last_modified = record->text("last_modified"),
                        .checked = record->time("checked"),
                        .format = record->text("format"),
                        .verified = record->text("verified"),
                        .demand = record->text("demand")};
    if (!is_digest(source.image)) return std::nullopt;
    return source;
} catch (const ctx::Error&) {
    return std::nullopt;
}

void write_source(const Layout& layout, const std::string& key, const SourceRecord& record)
{
    const CacheLock lock(layout); // so that a sweep takes nobody's for a dead writer's
    write_json(layout.source(key), {{"image", record.image},
                                    {"url", record.url},
                                    {"etag", record.etag},
                                    {"last_modified", record.last_modified},
                                    {"checked", record.checked},
                                    {"format", record.format},
                                    {"verified", record.verified},
                                    {"demand", record.demand}});
}

void drop_sources_of(const Layout& layout, std::string_view digest)
{
    constexpr std::string_view after = ".json";
    for (const std::string& name : entries(layout.sources())) {
        if (name.starts_with('.') || !name.ends_with(after)) continue;
        const std::string key = name.substr(0, name.size() - after.size());
        const std::optional<SourceRecord> record = read_source(layout, key);
        if (!record || record->image == digest) ::unlink(layout.source(key).c_str());
    }
}

} // namespace image_cache
