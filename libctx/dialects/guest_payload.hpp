// What every dialect's disc carries: the folder vmbatch/ with the set-up script and all it needs, and the
// bootstrap that a dialect hands to its guest's own mechanism as "run this as root".
#pragma once

#include <string>
#include <string_view>

#include <ctx/context.hpp>
#include <ctx/dialect.hpp>

namespace ctx {

// The context's own id or, if it has none, one derived from its content, that of its files included: render()
// asks once.
std::string instance_id(const Context& context);

// The variables, to be sourced by login shells of every kind.
std::string environment_script(const Context& context);

void add_payload(DiscTree& tree, const Context& context);

// How much of the set-up is done: its early commands alone, or all that is still to be done.
enum class SetUp { early, all };

// Shell text, ASCII; its last line begins with "exit".
std::string bootstrap(const Context& context, std::string_view label, SetUp part = SetUp::all);

} // namespace ctx
