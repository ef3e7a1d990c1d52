// Reading discs, ours and other tools': ISO 9660 with or without Rock Ridge and Joliet, and FAT of any kind.
// A disc is hostile: what it says of names, sizes and places is not believed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include <ctx/base/deadline.hpp>
#include <ctx/block_device.hpp>
#include <ctx/disc_format.hpp>

namespace ctx {

struct DiscEntry {
    enum class Kind { file, directory, link, other };
    std::string path; // relative, '/'-separated: no empty part, "." or ".."
    Kind kind = Kind::file;
    std::uint64_t size = 0; // of a file
    mode_t mode = 0;
    std::int64_t time = 0; // of the last change, in seconds since 1970
};

class DiscReader {
public:
    // Throws Error (user) for what is no disc or a damaged one.
    DiscReader(const std::filesystem::path& path, const Deadline& deadline);
    // A vfat in a partition, or in an image of any format; `name` is for messages, `disk` must outlive it.
    DiscReader(std::filesystem::path name, const BlockReader& disk, const Deadline& deadline);
    ~DiscReader();
    DiscReader(DiscReader&&) noexcept;
    DiscReader& operator=(DiscReader&&) noexcept;
    DiscReader(const DiscReader&) = delete;
    DiscReader& operator=(const DiscReader&) = delete;

    DiscFormat format() const;
    const std::string& label() const;
    // Of ISO 9660; else false.
    bool has_rock_ridge() const;
    bool has_joliet() const;
    // Sorted by path: a directory comes before what is in it.
    const std::vector<DiscEntry>& entries() const;

    // The content of a file among the entries, a piece at a time. Throws Error (user) for what is no file, or
    // ends before its size.
    void read(const std::string& path, const std::function<void(std::string_view)>& take) const;
    std::string content(const std::string& path, std::size_t limit) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

struct Extracted {
    std::size_t files = 0;
    std::vector<std::string> left_out; // links and devices
};

// Writes the disc's files and directories below a directory, which is made and must not be there: nothing of
// somebody else's is written over, and nothing is written elsewhere. Modes are the caller's umask's, owners
// the caller's.
Extracted extract_disc(const DiscReader& disc, const std::filesystem::path& directory);

} // namespace ctx
