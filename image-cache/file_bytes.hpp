// Reading and writing a file's bytes at a place, whole; zeros become holes.
#pragma once

#include <cstdint>
#include <string>

#include <ctx/base/error.hpp>

namespace image_cache {

// An open file and what to call it in messages.
struct NamedFd {
    int fd = -1;
    std::string name;
};

// Throws Error with this blame, also where the file ends too early.
void read_exactly(const NamedFd& file, char* data, std::uint64_t count, std::uint64_t offset,
                  ctx::Blame blame);

// Both throw Error (node), for a full disk with what to do.
void write_exactly(const NamedFd& file, const char* data, std::uint64_t count, std::uint64_t offset);
// Writes all but the blocks of zeros, which stay holes; returns how much that was.
std::uint64_t write_sparsely(const NamedFd& file, const char* data, std::uint64_t count,
                             std::uint64_t offset);

ctx::Error cannot_write(const NamedFd& file, int error_number);

// Bytes this user can still write on the file system of an open file.
std::uint64_t free_space(const NamedFd& file);

// Whether it lies on a file server, whose locks can be lost.
bool is_on_network(int fd);

} // namespace image_cache
