#include "config_commands.hpp"

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "../runner/install_paths.hpp"

namespace {

using nlohmann::json;

void check(const CommonOptions& common)
{
    const runner::Settings settings = load_settings(common);
    runner::check_settings(settings, runner::install_paths());
    fmt::print("{}: good, {} profiles\n", settings.file, settings.profiles.size());
}

void show(const CommonOptions& common, bool as_json)
{
    const runner::Settings settings = load_settings(common);
    if (as_json) {
        json rows = json::array();
        for (const auto& [key, value, origin] : settings.origins)
            rows.push_back({{"key", key}, {"value", value}, {"origin", origin}});
        std::cout << json{{"schema", 1}, {"file", settings.file}, {"settings", rows}}.dump(2) << '\n';
        return;
    }
    for (const auto& [key, value, origin] : settings.origins)
        fmt::print("{} = {}  # {}\n", key, value, origin);
}

} // namespace

void add_config_commands(CLI::App& app, CommonOptions& common)
{
    CLI::App* noun = app.add_subcommand("config", "Check and show the configuration.");
    noun->require_subcommand(1);

    CLI::App* check_command = noun->add_subcommand("check", R"(Check the configuration and the files it names.

The file is read strictly: an unknown key, a wrong type or a missing file is an error that names file and line, the
key, what is allowed and the nearest known key.)");
    check_command->footer(
        "\nExample:\n  vmbatch config check --config vmbatch.toml\n\nExit codes: 0 good, 3 not.");
    check_command->callback([&common] { check(common); });

    auto as_json = std::make_shared<bool>(false);
    CLI::App* show_command = noun->add_subcommand(
        "show", "Show every value and where it came from: FILE:LINE, default, an option or a "
                "variable.");
    show_command->add_flag("--json", *as_json, "print JSON, schema 1");
    show_command->callback([&common, as_json] { show(common, *as_json); });
}
