// SHA-256 by OpenSSL, which uses the processor's SHA instructions where it has them. Not by its EVP
// interface: setting that up takes longer than writing a disc.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace ctx {

class Sha256 {
public:
    Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;
    ~Sha256();

    void update(const void* data, std::size_t size);
    void update(std::string_view data) { update(data.data(), data.size()); }
    // 64 lower-case hexadecimal digits. Call it once.
    std::string finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

std::string sha256_hex(std::string_view data);

} // namespace ctx
