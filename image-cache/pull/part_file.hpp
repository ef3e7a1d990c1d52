// A download that may be continued: its bytes, and what proves them to be the beginning of the same file.
//
//   CACHE/downloads/KEY.lock         held while somebody fetches KEY; never unlinked
//   CACHE/downloads/KEY.json         which file it is, its validator, digests of beginnings
//   CACHE/downloads/KEY.XXXX.part    the bytes. Its name changes with its writer: who finds it gone has lost
//   it
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <ctx/base/fd.hpp>

#include "../file_bytes.hpp"
#include "../layout.hpp"
#include "../temporary.hpp"

namespace image_cache {

// That the first `offset` bytes have this sha256.
struct Checkpoint {
    std::uint64_t offset = 0;
    std::string digest;
};

struct PartState {
    std::string url; // that gave it
    std::string validator;
    std::optional<std::uint64_t> total;
    std::vector<Checkpoint> checkpoints; // the latest last
};

class PartFile {
public:
    // Takes over what an earlier download left, or begins anew. Under the download's lock.
    PartFile(const Layout& layout, std::string key);
    PartFile(const PartFile&) = delete;
    PartFile& operator=(const PartFile&) = delete;
    PartFile(PartFile&&) = delete;
    PartFile& operator=(PartFile&&) = delete;
    ~PartFile() = default; // what is there stays for the next one

    NamedFd file() const { return {.fd = fd_.get(), .name = path_.string()}; }
    const std::filesystem::path& path() const { return path_; }
    PartState state() const;
    // Where to go on: the end of what is proved.
    std::uint64_t offset() const;

    // Empty again, for this file.
    void begin(std::string url, std::string validator, std::optional<std::uint64_t> total);
    // What two threads have done; a checkpoint is saved when the bytes before it are hashed and written.
    void hashed(std::uint64_t offset, std::string digest);
    void written(std::uint64_t offset);

    // Whether it is still ours: after a lost lock somebody else may have taken it over.
    bool is_ours() const;
    void remove();
    // Gives it away to be published as it is, all of it on disk. Throws Error (node) if it is no longer ours.
    // Its record stays: whoever cannot publish it leaves it to the next download, which then has it all.
    std::unique_ptr<Temporary> release();
    // Moves it aside, for whoever wants to see what came.
    std::filesystem::path quarantine();

private:
    void save() const;
    void save_proved(); // under the mutex
    void adopt();
    void create();

    const Layout& layout_;
    std::string key_;
    std::filesystem::path path_;
    ctx::Fd fd_;
    mutable std::mutex mutex_;
    PartState state_;
    std::vector<Checkpoint> pending_;
    std::uint64_t written_ = 0;
};

// How far the download of another process is: bytes there, and in all if that is known.
struct PartProgress {
    std::uint64_t done = 0;
    std::uint64_t total = 0;
};
PartProgress look_at_part(const Layout& layout, const std::string& key);

// Removes parts and their records, also those without a part, that nobody has touched for `seconds` and
// nobody is fetching; gives the bytes.
std::uint64_t remove_old_parts(const Layout& layout, std::int64_t seconds, bool dry_run);

} // namespace image_cache
