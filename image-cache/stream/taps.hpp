// What is done with each chunk that passes: hashed, written. Each in a thread of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "../file_bytes.hpp"
#include "../verify/hash.hpp"
#include "chunks.hpp"

namespace image_cache {

// Several sinks in the place of one.
class Tee : public ByteSink {
public:
    void add(ByteSink& sink) { sinks_.push_back(&sink); }
    void put(Chunk chunk) override;
    void end() override;

private:
    std::vector<ByteSink*> sinks_;
};

class HashTap : public ByteSink {
public:
    // Told after each chunk how far it is and, through the hash, the digest up to there.
    using Listener = std::function<void(std::uint64_t offset, const Hash& hash)>;
    HashTap(Flow& flow, HashKind kind, Listener listener = {});

    void put(Chunk chunk) override { input_.push(std::move(chunk)); }
    void end() override { input_.close(); }
    // Waits for the end.
    std::string digest();

private:
    void work();

    Flow& flow_;
    Channel input_;
    Hash hash_;
    Listener listener_;
    bool done_ = false;
    Stage stage_;
};

// Writes a file from `offset` on; blocks of zeros become holes.
class WriteTap : public ByteSink {
public:
    // Told after each chunk how far the file is written, and how much of it is no hole.
    using Listener = std::function<void(std::uint64_t offset, std::uint64_t data)>;
    WriteTap(Flow& flow, NamedFd file, std::uint64_t offset, Listener listener = {});

    void put(Chunk chunk) override { input_.push(std::move(chunk)); }
    void end() override { input_.close(); }
    // Waits for the end; the file's size.
    std::uint64_t size();

private:
    void work();
    void send_to_disk(std::uint64_t offset);

    Flow& flow_;
    Channel input_;
    NamedFd file_;
    std::uint64_t offset_;
    std::uint64_t sent_;
    Listener listener_;
    bool done_ = false;
    Stage stage_;
};

} // namespace image_cache
