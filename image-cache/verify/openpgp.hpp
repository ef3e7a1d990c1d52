// OpenPGP signatures, by gpgv: it knows the keys it is given and nothing else, no agent, no trust database.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace image_cache {

// Who signed: "0123…CDEF (Name)". Throws Error (remote) for a bad signature or an unknown key, Error (node)
// for a keyring that cannot be read.
std::string verify_detached(const std::filesystem::path& data, std::string_view signature,
                            const std::filesystem::path& keyring, const std::string& place);

struct SignedText {
    std::string text; // as gpgv gives it: nothing outside the signature
    std::string signer;
};
SignedText verify_clearsigned(std::string_view document, const std::filesystem::path& keyring,
                              const std::string& place);

} // namespace image_cache
