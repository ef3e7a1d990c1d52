// Our own writing: mkfs.fat and mtools would be a dozen processes, Debian has no library for it, and of the
// format a new volume needs little.
#include "disc/write_fat.hpp"

#include <cerrno>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <unistd.h>

#include <ctx/base/error.hpp>

#include "disc/disc_source.hpp"
#include "disc/fat_plan.hpp"

namespace ctx {

namespace {

void write_at(const AtomicFile& file, std::uint64_t offset, std::string_view bytes,
              const std::filesystem::path& path)
{
    if (::lseek(file.fd(), static_cast<off_t>(offset), SEEK_SET) < 0)
        throw system_error("cannot write", path.string(), errno);
    write_all(file.fd(), bytes, path);
}

} // namespace

void write_fat(const DiscTree& tree, const std::filesystem::path& path, const DiscOptions& options)
{
    std::map<std::string, DiscSource> sources; // held from the first look to the last byte
    std::map<std::string, std::uint64_t> sizes;
    for (const auto& [name, content] : tree.files) {
        const auto source = sources.try_emplace(name, content, sources.size() + 1).first;
        sizes[name] = source->second.size();
    }
    const FatPlan plan = plan_fat(tree.label, sizes, options.time);

    AtomicFile file(path, options.mode, options.durable);
    if (::ftruncate(file.fd(), static_cast<off_t>(plan.size)) < 0)
        throw system_error("cannot write", path.string(), errno);
    for (const FatPiece& piece : plan.pieces) write_at(file, piece.offset, piece.bytes, path);
    for (auto& [name, source] : sources) {
        std::uint64_t offset = plan.places.at(name);
        source.stream_to([&](std::string_view bytes) {
            write_at(file, offset, bytes, path);
            offset += bytes.size();
        });
    }
    for (const auto& entry : sources) entry.second.require_unchanged();
    file.publish();
}

} // namespace ctx
