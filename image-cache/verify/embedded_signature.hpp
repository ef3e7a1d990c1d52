// CernVM's signature within the image: its last 64 KiB are 32 KiB of JSON about the image and 32 KiB of JSON
// with the signer's certificate and an RSA signature of all that lies before them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <image-cache/pull.hpp>

#include "../file_bytes.hpp"

namespace image_cache {

inline constexpr std::uint64_t signature_block_size = 32 << 10;

struct SignatureBlock {
    std::string certificate; // PEM
    std::string signature;   // bytes
};
// Reads the last 32 KiB. Real ones have had missing and surplus commas: only the two texts are looked for.
// Throws Error (remote) if they are not there.
SignatureBlock parse_signature_block(std::string_view block);

// `pattern` with * and ?, of all of `name`.
bool matches_pattern(std::string_view pattern, std::string_view name);

// Who signed. Throws Error (remote) unless the certificate was issued by the CA, its name fits, and the
// signature is of this file.
std::string verify_embedded(const NamedFd& file, std::uint64_t size, const EmbeddedSigner& signer,
                            const ProgressFunction& progress);

} // namespace image_cache
