// Whatever the bytes: the files of a FAT file system and the clusters of a qcow2, or an Error. Built with
// -fsanitize=fuzzer,address.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include <ctx/base/error.hpp>
#include <ctx/block_device.hpp>
#include <ctx/disc_reader.hpp>

#include "check/read/add_files.hpp"
#include "check/read/qcow2_reader.hpp"

namespace {

class Memory : public ctx::BlockReader {
public:
    Memory(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
    std::uint64_t size() const override { return size_; }
    void read(std::uint64_t offset, std::span<char> into) const override
    {
        ctx::require_within({.offset = offset, .size = into.size()}, size_);
        std::memcpy(into.data(), data_ + offset, into.size());
    }

private:
    const std::uint8_t* data_;
    std::size_t size_;
};

void require(bool good)
{
    if (!good) __builtin_trap();
}

void read_files(const ctx::BlockReader& part)
{
    ctx::check::Medium medium{.place = "disk", .device = "sda", .label = "", .files = {}};
    ctx::check::add_files(medium, ctx::DiscReader("disk", part, ctx::Deadline::in(std::chrono::seconds(10))));
    for (const auto& [path, file] : medium.files)
        require(!path.empty() && (!file.content || file.content->size() <= 1 << 20));
}

template <class Work>
void or_error(Work&& work)
{
    try {
        work();
    } catch (const ctx::Error& error) {
        require(!error.problem().empty());
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const Memory memory(data, size);
    or_error([&] { read_files(memory); });
    or_error([&] {
        if (!ctx::check::is_qcow2(memory)) return;
        const ctx::check::Qcow2Reader disk(memory);
        std::array<char, 4096> block{};
        for (std::uint64_t at = 0; at < std::min<std::uint64_t>(disk.size(), 1 << 22); at += block.size())
            disk.read(at, std::span(block).first(std::min<std::uint64_t>(block.size(), disk.size() - at)));
        disk.has_no_clusters();
        read_files(disk);
    });
    return 0;
}
