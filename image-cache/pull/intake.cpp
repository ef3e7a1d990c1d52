#include "intake.hpp"

#include <algorithm>

namespace image_cache {

namespace {

constexpr std::size_t chunks_under_way = 12;
// Small enough that a kill costs little, rare enough that a record each costs nothing.
constexpr std::uint64_t checkpoint_distance = 4 << 20;

} // namespace

Intake::Intake(PartFile& part, const IntakeOptions& options)
    : part_(part), options_(options), begun_at_(part.offset()),
      begun_with_(begun_at_ > 0 ? part.state().checkpoints.back().digest : ""), last_checkpoint_(begun_at_),
      pool_(flow_, chunks_under_way), filler_(pool_, *this),
      sha256_(flow_, HashKind::sha256,
              [this](std::uint64_t offset, const Hash& hash) { hashed(offset, hash); }),
      write_(flow_, part.file(), begun_at_,
             [this](std::uint64_t offset, std::uint64_t) { part_.written(offset); })
{
    decoder_limits_.memory = options.limits.decoder_memory;
    decoder_limits_.largest_member = options.limits.image;
    if (options.wants_sha512) sha512_ = std::make_unique<HashTap>(flow_, HashKind::sha512);
    if (begun_at_ > 0) {
        try {
            replay();
        } catch (...) {
            flow_.stop();
            throw;
        }
    }
}

Intake::~Intake()
{
    flow_.stop();
}

// What a stage died of is what its feeder has to say, too.
template <class Work>
auto Intake::guarded(Work work)
{
    try {
        return work();
    } catch (const Stopped&) {
        if (const std::exception_ptr error = flow_.error()) std::rethrow_exception(error);
        throw;
    }
}

void Intake::begin(std::string_view head)
{
    content_ = content_of(head);
    if (!is_packed(*content_)) return;
    unpacked_ = std::make_unique<UnpackedDisk>(options_.layout, flow_, options_.limits, packed_bytes_);
    unpacker_ = std::make_unique<Unpacker>(flow_, decoder_limits_, *unpacked_);
}

void Intake::put(Chunk chunk)
{
    if (!content_) begin(chunk->bytes());
    packed_bytes_ += chunk->size;
    sha256_.put(chunk);
    if (sha512_) sha512_->put(chunk);
    if (unpacker_) unpacker_->put(chunk);
    if (is_replayed_) write_.put(std::move(chunk));
}

void Intake::end()
{
    if (!content_) begin({});
    sha256_.end();
    if (sha512_) sha512_->end();
    if (unpacker_) unpacker_->end();
    write_.end();
}

void Intake::take(std::string_view bytes)
{
    is_replayed_ = true;
    guarded([&] { filler_.put(bytes); });
    received_ += bytes.size();
}

// The earlier beginning goes through all stages but the writing: their state went with their process.
void Intake::replay()
{
    const NamedFd file = part_.file();
    while (received_ < begun_at_) {
        guarded([&] {
            const std::span<char> room = filler_.room();
            const std::size_t count = std::min<std::uint64_t>(room.size(), begun_at_ - received_);
            read_exactly(file, room.data(), count, received_, ctx::Blame::node);
            received_ += count;
            filler_.commit(count);
        });
    }
    guarded([&] {
        filler_.flush();
        flow_.when([&] { return last_hashed_ >= begun_at_; }, [] {});
    });
}

void Intake::hashed(std::uint64_t offset, const Hash& hash)
{
    if (offset == begun_at_ && hash.digest() != begun_with_) throw PartDamaged{};
    if (offset > begun_at_ && offset - last_checkpoint_ >= checkpoint_distance) {
        part_.hashed(offset, hash.digest());
        last_checkpoint_ = offset;
    }
    flow_.now([&] { last_hashed_ = offset; });
}

// A checkpoint at the very end, once the threads are there.
void Intake::prove_all()
{
    part_.hashed(received_, sha256_.digest());
    part_.written(write_.size());
}

Arrival Intake::finish()
{
    return guarded([&] {
        is_replayed_ = true;
        filler_.flush();
        end();
        Arrival arrival;
        arrival.bytes = write_.size();
        arrival.sha256 = sha256_.digest();
        if (sha512_) arrival.sha512 = sha512_->digest();
        prove_all();
        if (unpacked_) unpacked_->wait();
        arrival.packed_as = *content_;
        // Its threads end before the pipeline goes that they belong to.
        unpacker_.reset();
        if (unpacked_) unpacked_->detach();
        arrival.unpacked = std::move(unpacked_);
        return arrival;
    });
}

void Intake::keep() noexcept
try {
    guarded([&] {
        is_replayed_ = true;
        filler_.flush();
        sha256_.end();
        write_.end();
        prove_all();
    });
} catch (...) { // NOLINT(bugprone-empty-catch): then a little less is kept
}

} // namespace image_cache
