// What shows that a file is the one its publisher meant: a checksum, a signature.
#pragma once

#include <optional>
#include <string>

#include <image-cache/pull.hpp>

#include "../verify/hash.hpp"
#include "intake.hpp"

namespace image_cache {

struct Proof {
    std::optional<Checksum> checksum; // that the file at the address must have
    std::string verified;             // by what, for the record: "sha256:…", "… signed by …"
};

// Throws Error (user) for a request that nothing would prove and that is not said to be insecure.
void require_proof(const PullRequest& request);

// The checksum, from the request itself or from the publisher's file of them, whose signature is checked.
// Throws Error.
Proof find_proof(const PullRequest& request, bool past_caches);

// The file's own signatures, detached or embedded: adds to `proof.verified`. Throws Error (remote).
void check_signatures(const PullRequest& request, const NamedFd& file, const std::string& path,
                      std::uint64_t size, Proof& proof);

} // namespace image_cache
