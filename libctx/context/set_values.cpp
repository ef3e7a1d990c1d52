#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>
#include <ctx/context_file.hpp>

#include "context/rules.hpp"

namespace ctx {

namespace {

// The sections of a context file: a name that begins with one of them is a key, not a name for ${…}.
constexpr std::array<std::string_view, 12> sections = {"guest",    "root",    "user",        "directory",
                                                       "file",     "archive", "share",       "mount",
                                                       "services", "network", "environment", "cernvm"};

constexpr std::string_view environment_prefix = "environment.";
constexpr std::string_view bootloader_prefix = "cernvm.ucernvm.";

[[noreturn]] void refuse(std::string_view key, std::string problem)
{
    throw Error(Blame::user, std::move(problem)).at(fmt::format("--set {}", printable(key)));
}

void require(std::string_view key, const Problem& problem)
{
    if (problem) refuse(key, *problem);
}

void set_named(std::map<std::string, std::string>& values, std::string_view key, std::string_view prefix,
               const std::string& value, Problem (*rule)(std::string_view))
{
    const std::string name(key.substr(prefix.size()));
    require(key, wrong_environment_name(name));
    require(key, rule(value));
    values[name] = value;
}

[[noreturn]] void refuse_key(std::string_view key)
{
    const std::vector<std::string> known = {"guest.hostname", "cernvm.proxy", "environment.VARIABLE",
                                            "cernvm.ucernvm.KEY"};
    std::string problem = "this key of a context cannot be set";
    if (const auto close = nearest(key, known)) problem += fmt::format("; did you mean '{}'?", *close);
    throw Error(Blame::user, std::move(problem))
        .at(fmt::format("--set {}", printable(key)))
        .mend(fmt::format("set {}, or write ${{NAME}} into the context and set NAME", join(known, ", ")));
}

} // namespace

void set_values(Context& context, const Variables& values)
{
    for (const auto& [key, value] : values) {
        if (std::ranges::find(sections, std::string_view(key).substr(0, key.find('.'))) == sections.end())
            continue;
        if (key == "guest.hostname") {
            require(key, wrong_host_name(value));
            context.hostname = value;
        } else if (key == "cernvm.proxy") {
            require(key, wrong_cernvm_proxy(value));
            context.cernvm.proxy = value;
        } else if (key.starts_with(environment_prefix)) {
            set_named(context.environment, key, environment_prefix, value, wrong_text);
        } else if (key.starts_with(bootloader_prefix)) {
            set_named(context.cernvm.bootloader, key, bootloader_prefix, value, wrong_bootloader_value);
        } else {
            refuse_key(key);
        }
    }
}

} // namespace ctx
