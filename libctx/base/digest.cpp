#include <array>

#include <fmt/format.h>
#include <openssl/evp.h>

#include <ctx/base/digest.hpp>
#include <ctx/base/error.hpp>

namespace ctx {

struct Sha256::State {
    struct Free {
        void operator()(EVP_MD_CTX* handle) const { EVP_MD_CTX_free(handle); }
    };
    std::unique_ptr<EVP_MD_CTX, Free> context{EVP_MD_CTX_new()};
};

Sha256::Sha256() : state_(std::make_unique<State>())
{
    if (!state_->context || EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr) != 1)
        throw Error(Blame::node, "SHA-256 is not available").at("OpenSSL");
}

Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(const void* data, std::size_t size)
{
    if (EVP_DigestUpdate(state_->context.get(), data, size) != 1)
        throw Error(Blame::node, "hashing failed").at("OpenSSL");
}

std::string Sha256::finish()
{
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (EVP_DigestFinal_ex(state_->context.get(), digest.data(), &size) != 1)
        throw Error(Blame::node, "hashing failed").at("OpenSSL");
    std::string text;
    for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest.at(i));
    return text;
}

std::string sha256_hex(std::string_view data)
{
    Sha256 hash;
    hash.update(data);
    return hash.finish();
}

} // namespace ctx
