// The guest itself, as the ledger sees it.
#pragma once

#include <string>

#include <ctx/base/deadline.hpp>

#include "../hypervisor/hypervisor.hpp"

namespace runner {

struct Domain {
    static constexpr const char* kind = "domain";

    Hypervisor* hypervisor = nullptr;
    GuestSpec spec;
    ctx::Deadline deadline;

    std::string details() const;
    std::string make() const; // its uuid; throws Error (node)
    static void remove(const std::string& details, Hypervisor& hypervisor, const ctx::Deadline& deadline);
};

} // namespace runner
