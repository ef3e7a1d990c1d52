// Everything that happens to the bytes of a download while they come: hashed, written, unpacked, the disk
// hashed and written again.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <image-cache/pull.hpp>

#include "../stream/taps.hpp"
#include "../temporary.hpp"
#include "../unpack/unpacker.hpp"
#include "part_file.hpp"
#include "unpacked_disk.hpp"

namespace image_cache {

// The beginning that an earlier download left is no longer what it was.
struct PartDamaged {};

// What came, whole.
struct Arrival {
    std::uint64_t bytes = 0;
    std::string sha256; // of the file at the address
    std::string sha512; // the same, if asked for
    Content packed_as = Content::disk;
    std::unique_ptr<UnpackedDisk> unpacked; // nothing: the part is the disk itself
};

struct IntakeOptions {
    const Layout& layout;
    const PullLimits& limits;
    bool wants_sha512 = false;
};

class Intake : private ByteSink {
public:
    // Goes on where the part ends. Throws PartDamaged.
    Intake(PartFile& part, const IntakeOptions& options);
    Intake(const Intake&) = delete;
    Intake& operator=(const Intake&) = delete;
    Intake(Intake&&) = delete;
    Intake& operator=(Intake&&) = delete;
    ~Intake() override;

    // Throws what went wrong in any of the threads.
    void take(std::string_view bytes);
    std::uint64_t received() const { return received_; }

    // After either, nothing more is taken. keep() makes the part reach as far as anything came.
    Arrival finish();
    void keep() noexcept;

private:
    void put(Chunk chunk) override;
    void end() override;
    void begin(std::string_view head);
    void replay();
    void prove_all();
    void hashed(std::uint64_t offset, const Hash& hash);
    template <class Work>
    auto guarded(Work work);

    PartFile& part_;
    IntakeOptions options_;
    DecoderLimits decoder_limits_;
    std::uint64_t begun_at_; // where the part ended
    std::string begun_with_; // the digest up to there
    std::uint64_t last_checkpoint_ = 0;
    std::uint64_t last_hashed_ = 0;
    bool is_replayed_ = false;
    std::uint64_t received_ = 0;
    std::atomic<std::uint64_t> packed_bytes_ = 0; // the same, for other threads
    std::optional<Content> content_;

    Flow flow_;
    std::unique_ptr<UnpackedDisk> unpacked_;
    ChunkPool pool_;
    ChunkFiller filler_;
    std::unique_ptr<Unpacker> unpacker_;
    HashTap sha256_;
    std::unique_ptr<HashTap> sha512_;
    WriteTap write_;
};

} // namespace image_cache
