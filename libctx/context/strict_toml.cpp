#include <array>
#include <utility>

#include <fmt/format.h>

#include <ctx/base/file.hpp>
#include <ctx/base/text.hpp>
#include <ctx/strict_toml.hpp>

#include "context/tomlplusplus.hpp"

namespace ctx {

namespace {

TomlTable convert(const toml::table& table, const std::string& name, Blame blame);

TomlValue convert(const toml::node& node, const std::string& name, Blame blame)
{
    TomlValue result;
    result.line = node.source().begin.line;
    if (const auto* table = node.as_table()) {
        result.value = std::make_unique<TomlTable>(convert(*table, name, blame));
    } else if (const auto* array = node.as_array()) {
        auto values = std::make_unique<TomlArray>();
        for (const toml::node& element : *array) values->push_back(convert(element, name, blame));
        result.value = std::move(values);
    } else if (const auto* text = node.as_string()) {
        result.value = text->get();
    } else if (const auto* integer = node.as_integer()) {
        result.value = integer->get();
    } else if (const auto* number = node.as_floating_point()) {
        result.value = number->get();
    } else if (const auto* boolean = node.as_boolean()) {
        result.value = boolean->get();
    } else {
        throw Error(blame, "dates and times are not used here; write a string")
            .at(fmt::format("{}:{}", name, result.line));
    }
    return result;
}

TomlTable convert(const toml::table& table, const std::string& name, Blame blame)
{
    TomlTable result;
    for (const auto& [key, node] : table) result.emplace(std::string(key.str()), convert(node, name, blame));
    return result;
}

std::string_view type_name(const TomlValue& value)
{
    static constexpr std::array<std::string_view, 6> names = {"a boolean", "an integer", "a number",
                                                              "a string",  "an array",   "a table"};
    return names.at(value.value.index());
}

// The value as a T, if it is one.
template <class T>
const T* as(const TomlValue* value)
{
    if (value == nullptr) return nullptr;
    if constexpr (std::is_same_v<T, TomlArray> || std::is_same_v<T, TomlTable>) {
        const auto* held = std::get_if<std::unique_ptr<T>>(&value->value);
        return held != nullptr ? held->get() : nullptr;
    } else {
        return std::get_if<T>(&value->value);
    }
}

const TomlTable& empty_table()
{
    static const TomlTable table;
    return table;
}

} // namespace

TomlDocument parse_toml(std::string_view text, std::string name, Blame blame)
{
    try {
        const toml::table table = toml::parse(text, name);
        TomlDocument document;
        document.root = convert(table, name, blame);
        document.name = std::move(name);
        return document;
    } catch (const toml::parse_error& error) {
        throw Error(blame, "not valid TOML")
            .at(fmt::format("{}:{}", name, error.source().begin.line))
            .because(std::string(error.description()));
    }
}

TomlDocument parse_toml_file(const std::string& path, Blame blame)
{
    return parse_toml(read_file(path, 1 << 20, blame), path, blame);
}

TomlReader::TomlReader(const TomlDocument& document, Blame blame)
    : TomlReader(document, document.root, "", 0, blame)
{
}

TomlReader::TomlReader(const TomlDocument& document, const TomlTable& table, std::string name, unsigned line,
                       Blame blame)
    : document_(&document), table_(&table), name_(std::move(name)), line_(line), blame_(blame)
{
}

const TomlValue* TomlReader::find(std::string_view key)
{
    known_.emplace(key);
    const auto found = table_->find(key);
    return found == table_->end() ? nullptr : &found->second;
}

const TomlValue& TomlReader::require(std::string_view key)
{
    const TomlValue* value = find(key);
    if (value == nullptr) throw error("", fmt::format("the key '{}' is missing", full_name(key)));
    return *value;
}

bool TomlReader::has(std::string_view key) const
{
    return table_->contains(key);
}

std::optional<std::string> TomlReader::maybe_text(std::string_view key)
{
    const TomlValue* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (const auto* text = as<std::string>(value)) return *text;
    throw error(key, fmt::format("must be a string, not {}", type_name(*value)));
}

std::string TomlReader::text(std::string_view key)
{
    require(key);
    return text_or(key, {});
}

std::string TomlReader::text_or(std::string_view key, std::string fallback)
{
    return maybe_text(key).value_or(std::move(fallback));
}

std::string TomlReader::one_of(std::string_view key, const std::vector<std::string>& allowed,
                               std::string fallback)
{
    const std::string value = text_or(key, std::move(fallback));
    for (const std::string& candidate : allowed) {
        if (candidate == value) return value;
    }
    std::string problem = fmt::format("'{}' is not one of {}", printable(value), join(allowed, ", "));
    if (const auto close = nearest(value, allowed)) problem += fmt::format("; did you mean '{}'?", *close);
    throw error(key, problem);
}

std::int64_t TomlReader::integer(std::string_view key, std::int64_t least, std::int64_t most)
{
    const TomlValue& value = require(key);
    const auto* number = as<std::int64_t>(&value);
    if (number == nullptr) throw error(key, fmt::format("must be an integer, not {}", type_name(value)));
    if (*number < least || *number > most)
        throw error(key, fmt::format("{} is not between {} and {}", *number, least, most));
    return *number;
}

std::int64_t TomlReader::integer_or(std::string_view key, std::int64_t least, std::int64_t most,
                                    std::int64_t fallback)
{
    return find(key) == nullptr ? fallback : integer(key, least, most);
}

bool TomlReader::boolean_or(std::string_view key, bool fallback)
{
    const TomlValue* value = find(key);
    if (value == nullptr) return fallback;
    if (const auto* boolean = as<bool>(value)) return *boolean;
    throw error(key, fmt::format("must be true or false, not {}", type_name(*value)));
}

std::vector<std::string> TomlReader::texts(std::string_view key)
{
    const TomlValue* value = find(key);
    if (value == nullptr) return {};
    const auto* array = as<TomlArray>(value);
    if (array == nullptr)
        throw error(key, fmt::format("must be an array of strings, not {}", type_name(*value)));
    std::vector<std::string> result;
    for (const TomlValue& element : *array) {
        const auto* text = as<std::string>(&element);
        if (text == nullptr)
            throw error(key, fmt::format("must hold strings only, not {}", type_name(element)));
        result.push_back(*text);
    }
    return result;
}

TomlReader TomlReader::table(std::string_view key)
{
    const TomlValue* value = find(key);
    if (value == nullptr) return {*document_, empty_table(), full_name(key), line_, blame_};
    const auto* table = as<TomlTable>(value);
    if (table == nullptr) throw error(key, fmt::format("must be a table, not {}", type_name(*value)));
    return {*document_, *table, full_name(key), value->line, blame_};
}

std::vector<TomlReader> TomlReader::tables(std::string_view key)
{
    const TomlValue* value = find(key);
    if (value == nullptr) return {};
    const auto* array = as<TomlArray>(value);
    if (array == nullptr)
        throw error(key,
                    fmt::format("must be written as [[{}]], not as {}", full_name(key), type_name(*value)));
    std::vector<TomlReader> result;
    for (const TomlValue& element : *array) {
        const auto* table = as<TomlTable>(&element);
        if (table == nullptr)
            throw error(key, fmt::format("must hold tables only, not {}", type_name(element)));
        result.push_back(TomlReader(*document_, *table, full_name(key), element.line, blame_));
    }
    return result;
}

std::vector<std::pair<std::string, TomlReader>> TomlReader::named_tables(std::string_view key)
{
    const TomlReader all = table(key);
    std::vector<std::pair<std::string, TomlReader>> result;
    for (const auto& [name, value] : *all.table_) {
        const auto* inner = as<TomlTable>(&value);
        if (inner == nullptr) throw all.error(name, fmt::format("must be a table, not {}", type_name(value)));
        result.emplace_back(name, TomlReader(*document_, *inner, all.full_name(name), value.line, blame_));
    }
    return result;
}

std::vector<std::pair<std::string, std::string>> TomlReader::named_texts(std::string_view key)
{
    return table(key).texts();
}

std::vector<std::pair<std::string, std::string>> TomlReader::texts()
{
    std::vector<std::pair<std::string, std::string>> result;
    for (const auto& [name, value] : *table_) result.emplace_back(name, text(name));
    return result;
}

void TomlReader::finish() const
{
    for (const auto& [key, value] : *table_) {
        if (known_.contains(key)) continue;
        const std::vector<std::string> known(known_.begin(), known_.end());
        std::string problem = "no such key";
        if (const auto close = nearest(key, known)) problem += fmt::format("; did you mean '{}'?", *close);
        throw error(key, problem).mend(fmt::format("known here: {}", join(known, ", ")));
    }
}

Error TomlReader::error(std::string_view key, std::string_view problem) const
{
    std::string where = key.empty() ? name_ : full_name(key);
    if (!where.empty()) where = "'" + printable(where) + "': ";
    return Error(blame_, where.append(problem)).at(place(key));
}

std::string TomlReader::place(std::string_view key) const
{
    const auto found = table_->find(key);
    const unsigned line = found == table_->end() ? line_ : found->second.line;
    return line == 0 ? document_->name : fmt::format("{}:{}", document_->name, line);
}

std::string TomlReader::full_name(std::string_view key) const
{
    if (name_.empty()) return std::string(key);
    return fmt::format("{}.{}", name_, key);
}

} // namespace ctx
