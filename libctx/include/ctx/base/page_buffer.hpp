// Room for large pieces of files. It begins with a page: where malloc puts a large block, 16 bytes into one,
// AMD's processors take twice as long to copy from a page of the kernel's.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace ctx {

class PageBuffer {
public:
    // Its bytes have no values yet.
    explicit PageBuffer(std::size_t size)
        : bytes_(static_cast<char*>(::operator new(size, std::align_val_t(4096)))), size_(size)
    {
    }

    char* data() const { return bytes_.get(); }
    std::size_t size() const { return size_; }

private:
    struct Delete {
        void operator()(char* bytes) const { ::operator delete(bytes, std::align_val_t(4096)); }
    };

    std::unique_ptr<char, Delete> bytes_;
    std::size_t size_;
};

} // namespace ctx
