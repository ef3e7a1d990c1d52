#include <array>

#include <fmt/format.h>
#include <openssl/sha.h>

#include <ctx/base/digest.hpp>
#include <ctx/base/error.hpp>

namespace ctx {

namespace {

void require(int result)
{
    if (result != 1) throw Error(Blame::node, "hashing failed").at("OpenSSL");
}

} // namespace

struct Sha256::State {
    SHA256_CTX context{};
};

Sha256::Sha256() : state_(std::make_unique<State>())
{
    require(SHA256_Init(&state_->context));
}

Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(const void* data, std::size_t size)
{
    require(SHA256_Update(&state_->context, data, size));
}

std::string Sha256::finish()
{
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    require(SHA256_Final(digest.data(), &state_->context));
    std::string text;
    for (const unsigned char byte : digest) text += fmt::format("{:02x}", byte);
    return text;
}

std::string sha256_hex(std::string_view data)
{
    Sha256 hash;
    hash.update(data);
    return hash.finish();
}

} // namespace ctx
