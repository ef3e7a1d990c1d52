#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>

#include <blkid/blkid.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>
#include <ctx/volumes.hpp>

namespace ctx {

namespace {

struct FreeProbe {
    void operator()(blkid_probe probe) const { blkid_free_probe(probe); }
};
using ProbeHandle = std::unique_ptr<std::remove_pointer_t<blkid_probe>, FreeProbe>;

// libblkid reads a descriptor: a file in memory, as large as the part, that has its beginning and its end.
// Every superblock that counts here lies there (the farthest is btrfs', at 64 KiB); between them are holes.
Fd beginning_and_end(const BlockReader& part)
{
    constexpr std::uint64_t stretch = 256 << 10;
    Fd copy(::memfd_create("part", MFD_CLOEXEC));
    if (!copy || ::ftruncate(copy.get(), static_cast<off_t>(part.size())) < 0)
        throw system_error("cannot make a file in memory", "", errno);
    const std::uint64_t head = std::min(part.size(), stretch);
    const std::uint64_t tail = std::min(part.size() - head, stretch);
    write_all(copy.get(), read_bytes(part, 0, static_cast<std::size_t>(head)), "a file in memory");
    ::lseek(copy.get(), static_cast<off_t>(part.size() - tail), SEEK_SET);
    write_all(copy.get(), read_bytes(part, part.size() - tail, static_cast<std::size_t>(tail)),
              "a file in memory");
    return copy;
}

std::string value(blkid_probe probe, const char* name)
{
    const char* text = nullptr;
    if (blkid_probe_lookup_value(probe, name, &text, nullptr) < 0 || text == nullptr) return {};
    return text;
}

} // namespace

std::optional<Content> recognise(const BlockReader& part)
{
    if (part.size() < 1024) return std::nullopt;
    const Fd copy = beginning_and_end(part);
    const ProbeHandle probe(blkid_new_probe());
    if (!probe || blkid_probe_set_device(probe.get(), copy.get(), 0, 0) < 0)
        throw Error(Blame::node, "libblkid cannot look at a file in memory");
    blkid_probe_enable_superblocks(probe.get(), 1);
    blkid_probe_set_superblocks_flags(probe.get(),
                                      BLKID_SUBLKS_TYPE | BLKID_SUBLKS_UUID | BLKID_SUBLKS_LABEL);
    if (blkid_do_safeprobe(probe.get()) != 0) return std::nullopt; // nothing, or not one thing alone
    return Content{.type = value(probe.get(), "TYPE"),
                   .uuid = value(probe.get(), "UUID"),
                   .label = value(probe.get(), "LABEL")};
}

} // namespace ctx
