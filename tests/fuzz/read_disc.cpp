// Whatever the bytes: a list of files whose names stay below their directory, or an Error; and no read beyond
// the disc. Built with -fsanitize=fuzzer,address.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include <sys/mman.h>
#include <unistd.h>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/disc_reader.hpp>

namespace {

// Discs are read by their names.
std::string file_with(const std::uint8_t* data, std::size_t size)
{
    static const ctx::Fd file(::memfd_create("disc", 0));
    if (::ftruncate(file.get(), 0) != 0 || ::pwrite(file.get(), data, size, 0) != static_cast<ssize_t>(size))
        __builtin_trap();
    return "/proc/self/fd/" + std::to_string(file.get());
}

bool climbs(const std::string& path)
{
    const std::string between = "/" + path + "/";
    return between.find("/../") != std::string::npos || between.find("/./") != std::string::npos ||
           between.find("//") != std::string::npos;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    try {
        const ctx::DiscReader disc(file_with(data, size), ctx::Deadline::in(std::chrono::seconds(5)));
        for (const ctx::DiscEntry& entry : disc.entries()) {
            if (climbs(entry.path)) __builtin_trap();
            if (entry.kind != ctx::DiscEntry::Kind::file) continue;
            std::uint64_t got = 0;
            disc.read(entry.path, [&](std::string_view piece) { got += piece.size(); });
            if (got != entry.size) __builtin_trap();
        }
    } catch (const ctx::Error& error) {
        if (error.reason().empty() || error.remedy().empty()) __builtin_trap();
    }
    return 0;
}
