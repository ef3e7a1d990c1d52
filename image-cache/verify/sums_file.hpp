// Files of checksums, as publishers write them. Pure: what they say is hostile.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "hash.hpp"

namespace image_cache {

// The checksum of `name` in GNU style (`<hex>  name`, `<hex> *name`), BSD style (`SHA256 (name) = <hex>`), or
// the one digest of a file that holds nothing else. SHA-512 wins where both are there. Nothing if it is not
// listed; throws Error (remote) if it is listed with different digests of one kind.
std::optional<Checksum> find_in_sums(std::string_view sums, std::string_view name);

// The text within an OpenPGP cleartext signature, or all of it if it is none.
std::string_view signed_text(std::string_view text);
bool is_clearsigned(std::string_view text);

} // namespace image_cache
