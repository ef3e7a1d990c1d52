#include "strict_json.hpp"

#include <limits>
#include <system_error>

#include <fmt/format.h>

#include <ctx/base/error.hpp>

namespace image_cache {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t largest_file = 1 << 20;

std::optional<JsonRecord> JsonRecord::read(const fs::path& path, std::string remedy)
{
    std::error_code ignored;
    if (fs::symlink_status(path, ignored).type() == fs::file_type::not_found) return std::nullopt;
    JsonRecord record(json::parse(ctx::read_file(path, largest_file), nullptr, false), path,
                      std::move(remedy));
    if (!record.value_.is_object()) record.damaged("it is no JSON object");
    if (const std::uint64_t schema = record.size("schema"); schema != 1)
        record.damaged(fmt::format("its schema is {}; this program knows 1", schema));
    return record;
}

void JsonRecord::damaged(std::string why) const
{
    throw ctx::Error(ctx::Blame::node, "a file of the image cache is damaged")
        .at(path_.string())
        .because(std::move(why))
        .mend(remedy_);
}

const json& JsonRecord::at(std::string_view key) const
{
    const auto found = value_.find(key);
    if (found == value_.end()) damaged(fmt::format("`{}` is missing", key));
    return *found;
}

std::string JsonRecord::text(std::string_view key) const
{
    const json& value = at(key);
    if (!value.is_string()) damaged(fmt::format("`{}` is no text", key));
    return value.get<std::string>();
}

std::vector<std::string> JsonRecord::texts(std::string_view key) const
{
    const json& list = at(key);
    if (!list.is_array()) damaged(fmt::format("`{}` is no list", key));
    std::vector<std::string> texts;
    for (const json& value : list) {
        if (!value.is_string()) damaged(fmt::format("`{}` holds something that is no text", key));
        texts.push_back(value.get<std::string>());
    }
    return texts;
}

std::uint64_t JsonRecord::size(std::string_view key) const
{
    const json& value = at(key);
    if (!value.is_number_unsigned()) damaged(fmt::format("`{}` is no whole number from 0 on", key));
    return value.get<std::uint64_t>();
}

std::int64_t JsonRecord::time(std::string_view key) const
{
    const json& value = at(key);
    const bool fits = value.is_number_unsigned()
                          ? value.get<std::uint64_t>() <= std::numeric_limits<std::int64_t>::max()
                          : value.is_number_integer();
    if (!fits) damaged(fmt::format("`{}` is no time", key));
    return value.get<std::int64_t>();
}

JsonRecord JsonRecord::object(std::string_view key) const
{
    const json& value = at(key);
    if (!value.is_object()) damaged(fmt::format("`{}` is no object", key));
    return {value, path_, remedy_};
}

std::vector<JsonRecord> JsonRecord::objects(std::string_view key) const
{
    const json& list = at(key);
    if (!list.is_array()) damaged(fmt::format("`{}` is no list", key));
    std::vector<JsonRecord> records;
    for (const json& value : list) {
        if (!value.is_object()) damaged(fmt::format("`{}` holds something that is no object", key));
        records.push_back({value, path_, remedy_});
    }
    return records;
}

void write_json(const fs::path& path, json object, ctx::Durable durable)
{
    object["schema"] = 1;
    // A source's path may be no UTF-8; that must not keep an image out.
    ctx::write_file(path, object.dump(2, ' ', false, json::error_handler_t::replace) + "\n", 0644, durable);
}

} // namespace image_cache
