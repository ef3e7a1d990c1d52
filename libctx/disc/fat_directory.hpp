// A directory of a FAT volume as bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace ctx::fat {

// "2026-11-28 11:30:00 UTC" in two words. From 1980 to 2107: what is earlier or later becomes the first or
// last of these.
struct Date {
    std::uint32_t day = 0;
    std::uint32_t time = 0;
};
Date date_of(std::int64_t seconds);

// How many bytes an entry of this name takes.
std::size_t entry_bytes(std::string_view name);

class DirectoryWriter {
public:
    explicit DirectoryWriter(std::int64_t time) : date_(date_of(time)) {}

    void add_label(const std::string& label);
    // "." and "..": the first entries of each directory but the root.
    void add_dots(std::uint32_t own_cluster, std::uint32_t parent_cluster);
    // Throws Error (user) for a name that FAT cannot hold or that is there already, case aside.
    void add(const std::string& name, unsigned char attributes, std::uint32_t cluster, std::uint32_t size);

    const std::string& bytes() const { return bytes_; }

private:
    void add_short(std::string_view short_name, unsigned char attributes, std::uint32_t cluster,
                   std::uint32_t size);
    std::string new_short_name();

    Date date_;
    std::string bytes_;
    std::set<std::string> names_; // in capitals, short and long
    unsigned count_ = 0;
};

} // namespace ctx::fat
