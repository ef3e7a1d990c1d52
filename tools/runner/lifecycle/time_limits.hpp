// How long each phase may take, and all of them together: a batch system kills a hook that takes too long.
#pragma once

#include <chrono>

#include <ctx/base/deadline.hpp>

#include "../settings/settings.hpp"

namespace runner {

struct TimeLimits {
    PhaseLimits phases;
    ctx::Deadline whole; // for making
    ctx::Deadline end;   // removing included

    ctx::Deadline within(std::chrono::milliseconds phase) const
    {
        return ctx::Deadline::earlier(ctx::Deadline::in(phase), whole);
    }
    ctx::Deadline for_removing() const
    {
        return ctx::Deadline::earlier(ctx::Deadline::in(phases.remove), end);
    }
};

} // namespace runner
