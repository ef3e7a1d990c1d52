#include "context_values.hpp"

#include <CLI/CLI.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

void add_set_option(CLI::App& command, std::vector<std::string>& settings)
{
    command
        .add_option(
            "--set", settings,
            "what ${KEY} stands for, or a context's own value: guest.hostname, environment.X, cernvm.proxy")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
}

ctx::Variables context_values(const std::vector<std::string>& settings)
{
    ctx::Variables values;
    for (const std::string& setting : settings) {
        const std::size_t equals = setting.find('=');
        if (equals == std::string::npos || equals == 0)
            throw ctx::Error(ctx::Blame::user, "not a setting")
                .at("--set " + ctx::printable(setting))
                .mend("write KEY=VALUE");
        values.insert_or_assign(setting.substr(0, equals), setting.substr(equals + 1));
    }
    return values;
}
