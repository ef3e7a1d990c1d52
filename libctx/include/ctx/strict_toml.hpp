// TOML read strictly: every key must be asked for, every value has the type asked for, and every complaint
// names file, line, key, what is allowed and the nearest known key. Both the context file and vmbatch.toml
// are read with it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <ctx/base/error.hpp>

namespace ctx {

struct TomlValue;
using TomlArray = std::vector<TomlValue>;
using TomlTable = std::map<std::string, TomlValue, std::less<>>;

// A parsed value and the line it stands on. (toml++ itself is seen by one source file only: it is slow to
// compile.)
struct TomlValue {
    std::variant<bool, std::int64_t, double, std::string, std::unique_ptr<TomlArray>,
                 std::unique_ptr<TomlTable>>
        value;
    unsigned line = 0;
};

struct TomlDocument {
    std::string name; // the file's name, for messages
    TomlTable root;
};

// Throws Error with `blame` for what is no TOML. `name` is only for messages.
TomlDocument parse_toml(std::string_view text, std::string name, Blame blame);
// The same for a file of at most 1 MiB.
TomlDocument parse_toml_file(const std::string& path, Blame blame);

// A table being read. Readers are views: the document must outlive them. Every getter that finds a value of
// another type throws Error. After the last getter call finish(): it throws for keys nobody asked for.
class TomlReader {
public:
    TomlReader(const TomlDocument& document, Blame blame);

    bool has(std::string_view key) const;

    std::string text(std::string_view key);
    std::string text_or(std::string_view key, std::string fallback);
    std::optional<std::string> maybe_text(std::string_view key);
    std::string one_of(std::string_view key, const std::vector<std::string>& allowed, std::string fallback);
    std::int64_t integer(std::string_view key, std::int64_t least, std::int64_t most);
    std::int64_t integer_or(std::string_view key, std::int64_t least, std::int64_t most,
                            std::int64_t fallback);
    bool boolean_or(std::string_view key, bool fallback);
    std::vector<std::string> texts(std::string_view key); // [] if absent

    // A sub-table; empty if absent.
    TomlReader table(std::string_view key);
    // [[key]]: an array of tables; none if absent.
    std::vector<TomlReader> tables(std::string_view key);
    // A table with free keys, as [profile.NAME]: each key with its table.
    std::vector<std::pair<std::string, TomlReader>> named_tables(std::string_view key);
    // This table's own keys, all free, all of text.
    std::vector<std::pair<std::string, std::string>> texts();
    // A table with free keys and text values, as [environment].
    std::vector<std::pair<std::string, std::string>> named_texts(std::string_view key);

    void finish() const;

    // An error about this key ("" = the table itself), with file:line and the key's full name.
    Error error(std::string_view key, std::string_view problem) const;
    // "vmbatch.toml:12" for a key that is there, else the table's own place.
    std::string place(std::string_view key) const;
    // "profile.debian.image"
    std::string full_name(std::string_view key) const;

private:
    TomlReader(const TomlDocument& document, const TomlTable& table, std::string name, unsigned line,
               Blame blame);
    const TomlValue* find(std::string_view key);
    const TomlValue& require(std::string_view key);

    const TomlDocument* document_;
    const TomlTable* table_;
    std::string name_;
    unsigned line_ = 0;
    Blame blame_;
    std::set<std::string, std::less<>> known_;
};

} // namespace ctx
