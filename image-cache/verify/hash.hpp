// The digests that publishers give: SHA-256 and SHA-512, by OpenSSL.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace image_cache {

enum class HashKind { sha256, sha512 };
std::string_view to_string(HashKind kind);

// A digest somebody promises: "sha256:<hex>".
struct Checksum {
    HashKind kind = HashKind::sha256;
    std::string hex; // lower case, of the kind's length

    bool operator==(const Checksum&) const = default;
};
std::string to_string(const Checksum& checksum);

// "sha256:AB…", "sha512:…", or the digits alone, whose number tells the kind. Nothing if it is neither.
std::optional<Checksum> parse_checksum(std::string_view text);
// The same; throws Error (user) if it is neither.
Checksum require_checksum(std::string_view text);

class Hash {
public:
    explicit Hash(HashKind kind);
    Hash(Hash&&) noexcept;
    Hash& operator=(Hash&&) noexcept;
    Hash(const Hash&) = delete;
    Hash& operator=(const Hash&) = delete;
    ~Hash();

    void update(std::string_view bytes);
    // The digest of what came so far, in lower-case hexadecimal digits; more may follow.
    std::string digest() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace image_cache
