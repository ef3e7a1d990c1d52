#include "chunks.hpp"

#include <algorithm>
#include <cstring>

namespace image_cache {

ChunkPool::ChunkPool(Flow& flow, std::size_t count) : flow_(flow), shared_(std::make_shared<Shared>())
{
    shared_->unmade = count;
}

std::shared_ptr<Buffer> ChunkPool::take()
{
    std::unique_ptr<Buffer> buffer = flow_.when([&] { return !shared_->free.empty() || shared_->unmade > 0; },
                                                [&]() -> std::unique_ptr<Buffer> {
                                                    if (shared_->free.empty()) {
                                                        --shared_->unmade;
                                                        return nullptr;
                                                    }
                                                    std::unique_ptr<Buffer> used =
                                                        std::move(shared_->free.back());
                                                    shared_->free.pop_back();
                                                    return used;
                                                });
    if (!buffer) buffer = std::make_unique<Buffer>();
    buffer->size = 0;
    // The pool's part that buffers come back to outlives the pool; the flow outlives both.
    return {buffer.release(), [&flow = flow_, shared = shared_](Buffer* returned) {
                flow.always([&] { shared->free.emplace_back(returned); });
            }};
}

void Channel::push(Chunk chunk)
{
    flow_.now([&] { waiting_.push_back(std::move(chunk)); });
}

Chunk Channel::pop()
{
    return flow_.when([&] { return !waiting_.empty(); },
                      [&] {
                          Chunk chunk = waiting_.front();
                          if (chunk) waiting_.pop_front(); // the end stays the end
                          return chunk;
                      });
}

std::span<char> ChunkFiller::room()
{
    if (!current_) current_ = pool_.take();
    return current_->room();
}

void ChunkFiller::commit(std::size_t count)
{
    current_->size += count;
    if (current_->size == chunk_size) flush();
}

void ChunkFiller::put(std::string_view bytes)
{
    while (!bytes.empty()) {
        const std::span<char> space = room();
        const std::size_t count = std::min(space.size(), bytes.size());
        std::memcpy(space.data(), bytes.data(), count);
        bytes.remove_prefix(count);
        commit(count);
    }
}

void ChunkFiller::flush()
{
    if (!current_ || current_->size == 0) return;
    sink_.put(std::exchange(current_, nullptr));
}

} // namespace image_cache
