#include "steps.hpp"

namespace runner {

void reached(Step /*step*/) noexcept {}

} // namespace runner
