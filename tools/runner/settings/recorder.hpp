// What all parts of the configuration are read with.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <ctx/base/text.hpp>
#include <ctx/strict_toml.hpp>

#include "settings.hpp"

namespace runner {

// Reads values and writes down where each one came from.
class Recorder {
public:
    explicit Recorder(const Overrides& overrides) : overrides_(overrides) {}

    std::string text(ctx::TomlReader& in, std::string_view key, const std::string& fallback)
    {
        const std::string name = in.full_name(key);
        std::string value = in.text_or(key, fallback);
        std::string origin = in.has(key) ? in.place(key) : "default";
        if (const auto found = overrides_.find(name); found != overrides_.end()) {
            value = found->second.value;
            origin = found->second.origin;
        }
        note(name, value, origin);
        return value;
    }

    std::string choice(ctx::TomlReader& in, std::string_view key, const std::vector<std::string>& allowed,
                       const std::string& fallback)
    {
        std::string value = in.one_of(key, allowed, fallback);
        note_read(in, key, value);
        return value;
    }

    std::int64_t integer(ctx::TomlReader& in, std::string_view key, std::int64_t least, std::int64_t most,
                         std::int64_t fallback)
    {
        const std::int64_t value = in.integer_or(key, least, most, fallback);
        note_read(in, key, fmt::format("{}", value));
        return value;
    }

    bool boolean(ctx::TomlReader& in, std::string_view key, bool fallback)
    {
        const bool value = in.boolean_or(key, fallback);
        note_read(in, key, value ? "true" : "false");
        return value;
    }

    std::uint64_t size(ctx::TomlReader& in, std::string_view key, std::uint64_t least, std::uint64_t fallback)
    {
        const std::string written = in.text_or(key, ctx::format_size(fallback));
        const auto value = ctx::parse_size(written);
        if (!value)
            throw in.error(key,
                           fmt::format("'{}' is no size; write \"512M\" or \"2G\"", ctx::printable(written)));
        if (*value < least)
            throw in.error(key, fmt::format("{} is less than {}", written, ctx::format_size(least)));
        note_read(in, key, ctx::format_size(*value));
        return *value;
    }

    std::chrono::milliseconds seconds(ctx::TomlReader& in, std::string_view key, std::int64_t fallback)
    {
        return std::chrono::seconds(integer(in, key, 1, 86400, fallback));
    }

    void note(std::string key, std::string value, std::string origin)
    {
        origins_.push_back({std::move(key), std::move(value), std::move(origin)});
    }
    void note_read(const ctx::TomlReader& in, std::string_view key, std::string value)
    {
        note(in.full_name(key), std::move(value), in.has(key) ? in.place(key) : "default");
    }

    std::vector<SettingOrigin> take() { return std::move(origins_); }

private:
    const Overrides& overrides_;
    std::vector<SettingOrigin> origins_;
};

inline void require_absolute(const ctx::TomlReader& in, std::string_view key,
                             const std::filesystem::path& path)
{
    if (!path.is_absolute())
        throw in.error(key, fmt::format("'{}' must be an absolute path", ctx::printable(path.string())));
}

} // namespace runner
