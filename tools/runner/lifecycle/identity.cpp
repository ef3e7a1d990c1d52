#include "identity.hpp"

#include <fmt/format.h>

#include <ctx/base/digest.hpp>

namespace runner {

namespace {

// "69[2].Server" → "vm-69-2-server"
std::string host_name_of(std::string_view job_id)
{
    std::string name = "vm-";
    for (const char c : job_id) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (letter)
            name += c;
        else if (c >= 'A' && c <= 'Z')
            name += static_cast<char>(c - 'A' + 'a');
        else if (name.back() != '-')
            name += '-';
    }
    constexpr std::size_t longest_label = 63;
    name.resize(std::min(name.size(), longest_label));
    while (name.back() == '-') name.pop_back();
    return name;
}

} // namespace

GuestIdentity derive_identity(std::string_view job_id, std::string_view nonce)
{
    const std::string hex = ctx::sha256_hex(fmt::format("{}\n{}", job_id, nonce));
    const std::string_view h = hex;
    GuestIdentity identity;
    // RFC 9562 version 8 (the bits are ours), variant 10.
    identity.uuid = fmt::format("{}-{}-8{}-8{}-{}", h.substr(0, 8), h.substr(8, 4), h.substr(12, 3),
                                h.substr(15, 3), h.substr(18, 12));
    identity.mac = fmt::format("52:54:00:{}:{}:{}", h.substr(30, 2), h.substr(32, 2), h.substr(34, 2));
    identity.hostname = host_name_of(job_id);
    identity.host_alias = "vmbatch-" + identity.uuid;
    return identity;
}

} // namespace runner
