// A small JSON file of ours, read as what may have been damaged: bounded, each key there and of its type.
// Keys this version does not know are let be, so that two versions can share a cache; what would change a
// meaning gets another "schema".
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <ctx/base/file.hpp>

namespace image_cache {

class JsonRecord {
public:
    // Nothing if there is no such file. Throws Error (node) with `remedy` if it is not a JSON object of
    // schema 1; so do all below.
    static std::optional<JsonRecord> read(const std::filesystem::path& path, std::string remedy);

    std::string text(std::string_view key) const;
    std::vector<std::string> texts(std::string_view key) const;
    std::uint64_t size(std::string_view key) const;
    std::int64_t time(std::string_view key) const;
    bool has(std::string_view key) const { return value_.contains(key); }
    JsonRecord object(std::string_view key) const;
    std::vector<JsonRecord> objects(std::string_view key) const;

    [[noreturn]] void damaged(std::string why) const;

private:
    JsonRecord(nlohmann::json value, std::filesystem::path path, std::string remedy)
        : value_(std::move(value)), path_(std::move(path)), remedy_(std::move(remedy))
    {
    }
    const nlohmann::json& at(std::string_view key) const;

    nlohmann::json value_;
    std::filesystem::path path_;
    std::string remedy_;
};

// Appears complete, and on disk if it is to be durable, readable by everybody. Under the cache's lock, or
// that of the download it is about.
void write_json(const std::filesystem::path& path, nlohmann::json object,
                ctx::Durable durable = ctx::Durable::yes);

} // namespace image_cache
