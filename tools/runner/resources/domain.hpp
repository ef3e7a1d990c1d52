// The guest itself, as the ledger sees it.
#pragma once

#include <string>

#include <ctx/base/deadline.hpp>

#include "../hypervisor/hypervisor.hpp"
#include "../ledger/steps.hpp"

namespace runner {

struct Domain {
    static constexpr const char* kind = "domain";
    static constexpr ResourceSteps steps{Step::domain_recorded, Step::domain_started, Step::domain_ended,
                                         Step::domain_struck};

    Hypervisor* hypervisor = nullptr;
    GuestSpec spec;
    ctx::Deadline deadline;

    std::string details() const;
    std::string make() const; // its uuid; throws Error (node)
    static void remove(const std::string& details, Hypervisor& hypervisor, const ctx::Deadline& deadline);
};

} // namespace runner
