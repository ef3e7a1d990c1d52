// A guest, or the way to it, that was lost while its job ran: told apart from all other failures, because
// only then is it right to run the same job again.
#pragma once

#include <utility>

#include <ctx/base/error.hpp>

namespace runner {

class GuestLost : public ctx::Error {
public:
    explicit GuestLost(ctx::Error error) : ctx::Error(std::move(error)) {}
};

// What `vmbatch run` and remoteshell exit with then.
inline constexpr int guest_lost_exit = 120;

} // namespace runner
