#include "environment.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace runner {

namespace {

std::string_view name_of(std::string_view variable)
{
    return variable.substr(0, variable.find('=', 1));
}

bool is_account_variable(std::string_view name)
{
    constexpr std::array<std::string_view, 4> names = {"HOME", "USER", "LOGNAME", "SHELL"};
    return std::ranges::find(names, name) != names.end();
}

} // namespace

std::vector<std::string> task_environment(const EnvironmentParts& parts)
{
    std::vector<std::string> result;
    for (const std::string& variable : parts.given) {
        const std::string_view name = name_of(variable);
        if (name.starts_with("VMBATCH_")) continue;
        if (parts.account == AccountVariables::of_the_account && is_account_variable(name)) continue;
        result.push_back(variable);
    }
    const auto add_missing = [&](std::string_view name, std::string_view value) {
        if (std::ranges::any_of(result, [&](const std::string& known) { return name_of(known) == name; }))
            return;
        result.push_back(std::string(name) + "=" + std::string(value));
    };
    add_missing("HOME", parts.user.home);
    add_missing("USER", parts.user.name);
    add_missing("LOGNAME", parts.user.name);
    add_missing("SHELL", parts.user.shell);
    add_missing("VMBATCH_JOB_ID", parts.job_id);
    for (const auto& [name, value] : parts.defaults) add_missing(name, value);
    add_missing("PATH", "/usr/local/bin:/usr/bin:/bin");
    return result;
}

} // namespace runner
