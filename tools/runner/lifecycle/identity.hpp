// A guest's identity, derived from the job's id and nonce: made again, it is the same.
#pragma once

#include <string>
#include <string_view>

namespace runner {

struct GuestIdentity {
    std::string uuid;
    std::string mac;        // 52:54:00:…, QEMU's own range
    std::string hostname;   // "vm-1234-server"
    std::string host_alias; // the name SSH knows its key by
};

GuestIdentity derive_identity(std::string_view job_id, std::string_view nonce);

} // namespace runner
