#include "aliases.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>

#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/file.hpp>
#include <ctx/base/names.hpp>

#include "strict_json.hpp"

namespace image_cache {

using nlohmann::json;

namespace {

constexpr std::size_t longest_history = 100;

AliasStep read_step(const JsonRecord& record)
{
    AliasStep step{.digest = record.text("digest"), .since = record.time("since")};
    if (!is_digest(step.digest)) record.damaged("`digest` is no SHA-256 digest");
    return step;
}

Fingerprint read_fingerprint(const JsonRecord& record)
{
    return {.path = record.text("path"),
            .size = record.size("size"),
            .device = record.size("device"),
            .inode = record.size("inode"),
            .modified = record.time("mtime_ns"),
            .changed = record.time("ctime_ns")};
}

json to_json(const AliasStep& step)
{
    return {{"digest", step.digest}, {"since", step.since}};
}

json to_json(const Fingerprint& source)
{
    return {{"path", source.path},   {"size", source.size},         {"device", source.device},
            {"inode", source.inode}, {"mtime_ns", source.modified}, {"ctime_ns", source.changed}};
}

void write_alias(const Layout& layout, const Alias& alias)
{
    json object = to_json(alias.now);
    if (alias.source) object["source"] = to_json(*alias.source);
    object["history"] = json::array();
    for (const AliasStep& step : alias.before) object["history"].push_back(to_json(step));
    write_json(layout.alias(alias.name), std::move(object));
}

std::int64_t seconds_now()
{
    return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
}

} // namespace

std::optional<Alias> read_alias(const Layout& layout, std::string_view name)
{
    const std::optional<JsonRecord> record = JsonRecord::read(
        layout.alias(name),
        fmt::format(
            "give the name again: vmbatch image import FILE --name {0}; or drop it: vmbatch image rm {0}",
            name));
    if (!record) return std::nullopt;
    Alias alias{.name = std::string(name), .now = read_step(*record), .source = {}, .before = {}};
    if (record->has("source")) alias.source = read_fingerprint(record->object("source"));
    for (const JsonRecord& step : record->objects("history")) alias.before.push_back(read_step(step));
    return alias;
}

std::vector<std::string> alias_names(const Layout& layout)
{
    constexpr std::string_view after = ".json";
    std::vector<std::string> names;
    for (const std::string& entry : entries(layout.aliases())) {
        if (!entry.ends_with(after)) continue;
        std::string name = entry.substr(0, entry.size() - after.size());
        if (ctx::is_plain_name(name)) names.push_back(std::move(name));
    }
    return names;
}

std::vector<Alias> read_aliases(const Layout& layout)
{
    std::vector<Alias> aliases;
    for (const std::string& name : alias_names(layout)) {
        try {
            if (std::optional<Alias> alias = read_alias(layout, name)) aliases.push_back(std::move(*alias));
        } catch (const ctx::Error&) {
            continue; // Store::damage() tells; the other names still hold
        }
    }
    return aliases;
}

void point_alias(const Layout& layout, std::string_view name, std::string_view digest,
                 const std::optional<Fingerprint>& source)
{
    std::optional<Alias> alias;
    try {
        alias = read_alias(layout, name);
    } catch (const ctx::Error&) {
        alias.reset(); // damaged: what it stood for is lost, what it stands for is now said again
    }
    if (!alias) alias = Alias{.name = std::string(name), .now = {}, .source = {}, .before = {}};
    if (alias->now.digest != digest) {
        if (!alias->now.digest.empty()) alias->before.insert(alias->before.begin(), alias->now);
        alias->before.resize(std::min(alias->before.size(), longest_history));
        alias->now = {.digest = std::string(digest), .since = seconds_now()};
    }
    alias->source = source;
    write_alias(layout, *alias);
}

void drop_alias(const Layout& layout, std::string_view name)
{
    if (::unlink(layout.alias(name).c_str()) < 0 && errno != ENOENT)
        throw ctx::system_error("cannot remove", layout.alias(name).string(), errno);
    ctx::sync_directory(layout.aliases());
}

} // namespace image_cache
