// The text in which LVM2 keeps what it knows of a volume group: nested sections of names and values.
//
//   name {
//       key = 1
//       key = "text"
//       key = ["a", 0]      # to the end of the line: a comment
//   }
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ctx {

using LvmScalar = std::variant<std::int64_t, std::string>;

struct LvmSection {
    std::string name;
    std::vector<std::pair<std::string, std::vector<LvmScalar>>> values; // a single value is a list of one
    std::vector<LvmSection> sections;

    const LvmSection* section(std::string_view wanted) const;
    // The first of a key's values, if it is there and of this kind.
    std::optional<std::int64_t> number(std::string_view key) const;
    std::optional<std::string> text(std::string_view key) const;
    const std::vector<LvmScalar>* list(std::string_view key) const;
};

// The whole text, as a section without a name. Throws Error (user) where it is none.
LvmSection parse_lvm_text(std::string_view text);

} // namespace ctx
