#include <array>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>
#include <ctx/dialect.hpp>

#include "dialects/dialects.hpp"
#include "dialects/guest_payload.hpp"

namespace ctx {

namespace {

struct Entry {
    std::string_view name;
    Dialect dialect;
    DiscTree (*render)(const Context&);
};

constexpr std::array<Entry, 4> dialects = {{
    {"cernvm", Dialect::cernvm, render_cernvm},
    {"configdrive", Dialect::configdrive, render_configdrive},
    {"nocloud", Dialect::nocloud, render_nocloud},
    {"universal", Dialect::universal, render_universal},
}};

} // namespace

std::vector<std::string> dialect_names()
{
    std::vector<std::string> names;
    names.reserve(dialects.size());
    for (const Entry& entry : dialects) names.emplace_back(entry.name);
    return names;
}

Dialect dialect_from_name(std::string_view name)
{
    for (const Entry& entry : dialects) {
        if (entry.name == name) return entry.dialect;
    }
    std::string problem = fmt::format("there is no dialect '{}'", printable(name));
    if (const auto close = nearest(name, dialect_names()))
        problem += fmt::format("; did you mean '{}'?", *close);
    throw Error(Blame::user, std::move(problem))
        .mend(fmt::format("choose one of {}", join(dialect_names(), ", ")));
}

DiscTree render(const Context& context, Dialect dialect)
{
    if (context.instance_id.empty()) {
        Context named = context;
        named.instance_id = instance_id(context);
        return render(named, dialect);
    }
    for (const Entry& entry : dialects) {
        if (entry.dialect == dialect) return entry.render(context);
    }
    throw Error(Blame::node, "a dialect without a renderer");
}

} // namespace ctx
