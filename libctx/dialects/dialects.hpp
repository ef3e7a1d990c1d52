// One function per dialect; dialect.cpp chooses.
#pragma once

#include <ctx/context.hpp>
#include <ctx/dialect.hpp>

namespace ctx {

DiscTree render_cernvm(const Context& context);
DiscTree render_configdrive(const Context& context);
DiscTree render_nocloud(const Context& context);
DiscTree render_universal(const Context& context);

} // namespace ctx
