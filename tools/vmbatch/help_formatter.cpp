#include "help_formatter.hpp"

#include <sstream>
#include <utility>

std::string HelpFormatter::make_description(const CLI::App* app) const
{
    return app->get_description() + "\n\n";
}

std::string HelpFormatter::make_usage(const CLI::App* app, std::string name) const
{
    std::string usage = CLI::Formatter::make_usage(app, std::move(name));
    // CLI11 does not know what a command passes on.
    if (app->get_prefix_command()) usage.insert(usage.find_last_not_of('\n') + 1, " SCRIPT [ARG...]");
    return usage;
}

std::string HelpFormatter::make_subcommand(const CLI::App* sub) const
{
    const std::string description = sub->get_description();
    std::ostringstream line;
    CLI::detail::format_help(line, sub->get_name(), description.substr(0, description.find('\n')),
                             column_width_);
    return std::move(line).str();
}
