// Dialects: how a kind of guest wants to be told. Rendering is pure: a context in, a tree of files out.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <ctx/context.hpp>

namespace ctx {

// A file of a context disc: text made by us, or a file of the host that is streamed onto the disc.
struct DiscFile {
    std::variant<std::string, std::filesystem::path> content;
};

// What a context disc holds. Paths are relative, '/'-separated; directories follow from them.
struct DiscTree {
    std::string label; // as guests look for it, letter for letter
    std::map<std::string, DiscFile> files;
};

enum class Dialect {
    cernvm,      // context.sh with base64 user data: CernVM 2 to 4, and anything HEPiX
    configdrive, // OpenStack's, label "config-2": cloud-init
    nocloud,     // cloud-init's NoCloud, label "cidata"
    universal,   // cernvm and nocloud on one disc
};

std::vector<std::string> dialect_names();
Dialect dialect_from_name(std::string_view name); // throws Error (user), with the nearest name

DiscTree render(const Context& context, Dialect dialect);

} // namespace ctx
