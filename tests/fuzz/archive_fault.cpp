// Whatever the bytes: good, or a fault that says why; libarchive, which reads them, included. Built with
// -fsanitize=fuzzer,address.
#include <cstddef>
#include <cstdint>

#include <sys/mman.h>
#include <unistd.h>

#include <ctx/archive_fault.hpp>
#include <ctx/base/fd.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static const ctx::Fd file(::memfd_create("archive", 0));
    if (::ftruncate(file.get(), 0) != 0 ||
        ::pwrite(file.get(), data, size, 0) != static_cast<ssize_t>(size) ||
        ::lseek(file.get(), 0, SEEK_SET) != 0)
        __builtin_trap();
    const auto fault = ctx::archive_fault(file.get());
    if (fault && (fault->problem.empty() || fault->reason.empty())) __builtin_trap();
    return 0;
}
