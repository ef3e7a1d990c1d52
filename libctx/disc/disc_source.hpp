// The content of one file of a disc: text of ours, or a file of the host.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>

#include <sys/stat.h>

#include <ctx/base/fd.hpp>
#include <ctx/base/page_buffer.hpp>
#include <ctx/dialect.hpp>

#include "disc/iso_handles.hpp"

namespace ctx {

// libisofs' own sources order a disc by the host's inode numbers, data and Rock Ridge inodes alike. Ours
// carry a number we give, so the same tree makes the same bytes wherever its files lie. Streams point to
// their source: keep it in place until the image is gone.
class DiscSource {
public:
    // Text is not copied: the file must outlive us.
    DiscSource(const DiscFile& file, ino_t number);
    DiscSource(const DiscSource&) = delete;
    DiscSource& operator=(const DiscSource&) = delete;
    DiscSource(DiscSource&&) = delete;
    DiscSource& operator=(DiscSource&&) = delete;
    ~DiscSource() = default;

    IsoStreamHandle stream();

    std::uint64_t size() const { return static_cast<std::uint64_t>(size_); }
    // The whole content, a piece at a time. Throws Error (user) if it cannot be read.
    void stream_to(const std::function<void(std::string_view)>& take);

    // Throws Error (user) if somebody wrote to the file meanwhile: half of the disc may be old, half new.
    void require_unchanged() const;

private:
    void open_file();
    static DiscSource& of(IsoStream* stream);
    static IsoStreamIface& methods();
    void rewind();
    void release();
    bool fill();
    int read(char* buffer, std::size_t count);

    std::string_view text_;
    std::filesystem::path path_; // empty: text
    Fd fd_; // held from the first look to the last byte: nobody can put another file in its place
    struct stat info_{};
    off_t size_ = 0;
    off_t at_ = 0;                     // up to where the file was read
    std::string_view ahead_;           // of the content, what was read and not yet taken
    std::optional<PageBuffer> buffer_; // while it is being read
    int failure_ = 0;                  // errno
    ino_t number_;
};

} // namespace ctx
