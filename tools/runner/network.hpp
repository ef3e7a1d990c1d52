// Small questions about the host's network.
#pragma once

#include <cstdint>
#include <string>

#include <ctx/base/deadline.hpp>

namespace runner {

// A TCP port of 127.0.0.1 nobody listens on at this moment.
std::uint16_t free_port();

// Throws Error (node) unless something accepts connections at "ADDRESS:PORT" (a numeric address).
void require_listener(const std::string& address_and_port, const ctx::Deadline& deadline);

} // namespace runner
