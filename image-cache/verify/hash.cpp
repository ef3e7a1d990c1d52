#include "hash.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <openssl/evp.h>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

namespace image_cache {

using ctx::Blame;
using ctx::Error;

namespace {

struct FreeContext {
    void operator()(EVP_MD_CTX* handle) const { EVP_MD_CTX_free(handle); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

void require(bool worked)
{
    if (!worked) throw Error(Blame::node, "hashing failed").at("OpenSSL");
}

std::size_t digits(HashKind kind)
{
    return kind == HashKind::sha256 ? 64 : 128;
}

bool is_hex_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

} // namespace

std::string_view to_string(HashKind kind)
{
    return kind == HashKind::sha256 ? "sha256" : "sha512";
}

std::string to_string(const Checksum& checksum)
{
    return fmt::format("{}:{}", to_string(checksum.kind), checksum.hex);
}

std::optional<Checksum> parse_checksum(std::string_view text)
{
    std::optional<HashKind> said;
    for (const HashKind kind : {HashKind::sha256, HashKind::sha512}) {
        const std::string prefix = fmt::format("{}:", to_string(kind));
        if (!text.starts_with(prefix)) continue;
        said = kind;
        text.remove_prefix(prefix.size());
    }
    std::string hex(text);
    std::ranges::transform(
        hex, hex.begin(), [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (!std::ranges::all_of(hex, is_hex_digit)) return std::nullopt;
    for (const HashKind kind : {HashKind::sha256, HashKind::sha512})
        if (hex.size() == digits(kind) && said.value_or(kind) == kind)
            return Checksum{.kind = kind, .hex = std::move(hex)};
    return std::nullopt;
}

Checksum require_checksum(std::string_view text)
{
    if (std::optional<Checksum> checksum = parse_checksum(text)) return *checksum;
    throw Error(Blame::user, "not a checksum")
        .at(ctx::printable(text))
        .because("it is written sha256: and 64 hexadecimal digits, or sha512: and 128")
        .mend("give the whole digest, as `sha256sum FILE` prints it");
}

struct Hash::State {
    Context context{EVP_MD_CTX_new()};
};

Hash::Hash(HashKind kind) : state_(std::make_unique<State>())
{
    const EVP_MD* method = kind == HashKind::sha256 ? EVP_sha256() : EVP_sha512();
    require(state_->context && EVP_DigestInit_ex(state_->context.get(), method, nullptr) == 1);
}

Hash::Hash(Hash&&) noexcept = default;
Hash& Hash::operator=(Hash&&) noexcept = default;
Hash::~Hash() = default;

void Hash::update(std::string_view bytes)
{
    require(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1);
}

std::string Hash::digest() const
{
    const Context copy(EVP_MD_CTX_new());
    require(copy && EVP_MD_CTX_copy_ex(copy.get(), state_->context.get()) == 1);
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned size = 0;
    require(EVP_DigestFinal_ex(copy.get(), bytes.data(), &size) == 1);
    std::string hex;
    for (unsigned i = 0; i < size; ++i) hex += fmt::format("{:02x}", bytes.at(i));
    return hex;
}

} // namespace image_cache
