// What the commands below `image` share, and where each is added.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include <image-cache/store.hpp>

#include "common_options.hpp"
#include "progress.hpp"

inline constexpr auto image_help =
    "IMAGE is a name, a digest (sha256:…, with or without that prefix) or at least the\n"
    "first 8 digits of one.";

// What follows a command's options in its --help.
std::string image_footer(std::string_view details, std::string_view example);

image_cache::Store open_store(const CommonOptions& common);

image_cache::ProgressFunction reporting(ProgressReport& report);

// A command whose arguments CLI11 fills before `command` runs with them.
template <class Arguments, class Command>
CLI::App& add_image_command(CLI::App& images, CommonOptions& common, const std::string& name,
                            const std::string& what, const std::shared_ptr<Arguments>& arguments,
                            Command command)
{
    CLI::App& app = *images.add_subcommand(name, what);
    app.callback([&common, arguments, command] { command(common, *arguments); });
    return app;
}

template <class Arguments>
void add_json_flag(CLI::App& command, Arguments& arguments)
{
    command.add_flag("--json", arguments.as_json, "Print the result as JSON (schema 1)");
}

// --format raw|qcow2
void add_format_option(CLI::App& command, std::optional<image_cache::Format>& format);

void add_image_prune(CLI::App& images, CommonOptions& common);
void add_image_pull(CLI::App& images, CommonOptions& common);
void add_image_remove(CLI::App& images, CommonOptions& common);
void add_image_verify(CLI::App& images, CommonOptions& common);
