// A disk as libext2fs wants one: an "I/O channel".
#pragma once

#include <exception>
#include <string>

extern "C" { // com_err.h forgets to say so
#include <et/com_err.h>
#include <ext2fs/ext2fs.h>
}

#include <ctx/block_device.hpp>

namespace ctx {

// What a channel stands on. libext2fs is C: nothing is thrown through it, what went wrong is kept here until
// its caller asks.
class ChannelDevice {
public:
    // `device` must outlive it; without write access every write fails.
    ChannelDevice(const BlockReader& reader, BlockDevice* writer) : reader_(reader), writer_(writer) {}

    // The name by which the manager's open() finds us: it is told nothing else.
    std::string name() const;
    static io_manager manager();

    // Throws what went wrong since the last call, if anything did.
    void rethrow();

    // All three return a code of libext2fs.
    errcode_t read(std::uint64_t offset, std::span<char> into) noexcept;
    errcode_t write(std::uint64_t offset, std::span<const char> from) noexcept;
    errcode_t flush() noexcept;

private:
    const BlockReader& reader_;
    BlockDevice* writer_;
    std::exception_ptr failure_;
};

} // namespace ctx
