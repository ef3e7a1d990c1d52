// "10.0.0.5/22" as the pairs that some guests want.
#pragma once

#include <string>

namespace ctx {

struct Ipv4Network {
    std::string address; // "10.0.0.5"
    std::string netmask; // "255.255.252.0"
};

// For an address that check_context() has passed.
Ipv4Network split_network(const std::string& address_with_prefix);

} // namespace ctx
