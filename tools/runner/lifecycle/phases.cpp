#include "phases.hpp"

#include <exception>

#include <fmt/format.h>

namespace runner {

Phases::Timing::Timing(Phases& phases, std::string_view name)
    : phases_(phases), name_(name), start_(std::chrono::steady_clock::now()),
      unwinding_(std::uncaught_exceptions())
{
    if (phases_.listener_.begun) phases_.listener_.begun({name_, {}});
}

std::string Phases::Timing::after() const
{
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start_;
    return fmt::format("in phase '{}', after {:.1f} s", name_, time.count());
}

Phases::Timing::~Timing()
{
    if (std::uncaught_exceptions() > unwinding_) return; // it failed: the error says so
    const auto time = std::chrono::steady_clock::now() - start_;
    phases_.done_.push_back({name_, std::chrono::duration_cast<std::chrono::milliseconds>(time)});
    if (phases_.listener_.ended) phases_.listener_.ended(phases_.done_.back());
}

} // namespace runner
