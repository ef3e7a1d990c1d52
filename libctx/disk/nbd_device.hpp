// A disk behind an NBD server, over a socket that is connected already.
#pragma once

#include <memory>
#include <span>

#include <ctx/base/fd.hpp>
#include <ctx/block_device.hpp>

struct nbd_handle;

namespace ctx {

class NbdDevice : public BlockDevice {
public:
    // Takes the export without a name. Throws Error (node) when the server will not talk. Nothing here has a
    // deadline: whoever calls is a process that can be ended.
    explicit NbdDevice(Fd socket);
    ~NbdDevice() override;

    std::uint64_t size() const override { return size_; }
    void read(std::uint64_t offset, std::span<char> into) const override;
    void write(std::uint64_t offset, std::span<const char> from) override;
    void flush() override;

private:
    struct Close {
        void operator()(nbd_handle* handle) const;
    };
    std::unique_ptr<nbd_handle, Close> handle_;
    std::uint64_t size_ = 0;
};

} // namespace ctx
