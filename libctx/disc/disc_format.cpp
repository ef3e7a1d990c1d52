#include <array>
#include <utility>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>
#include <ctx/disc_format.hpp>

namespace ctx {

namespace {

constexpr std::array<std::pair<std::string_view, DiscFormat>, 2> formats = {
    {{"iso", DiscFormat::iso}, {"vfat", DiscFormat::vfat}}};

} // namespace

std::vector<std::string> disc_format_names()
{
    std::vector<std::string> names;
    names.reserve(formats.size());
    for (const auto& entry : formats) names.emplace_back(entry.first);
    return names;
}

DiscFormat disc_format_from_name(std::string_view name)
{
    for (const auto& [known, format] : formats) {
        if (known == name) return format;
    }
    std::string problem = fmt::format("discs have no format '{}'", printable(name));
    if (const auto close = nearest(name, disc_format_names()))
        problem += fmt::format("; did you mean '{}'?", *close);
    throw Error(Blame::user, std::move(problem))
        .mend(fmt::format("choose one of {}", join(disc_format_names(), ", ")));
}

std::string to_string(DiscFormat format)
{
    for (const auto& [name, known] : formats) {
        if (known == format) return std::string(name);
    }
    throw Error(Blame::node, "a format of discs without a name");
}

} // namespace ctx
