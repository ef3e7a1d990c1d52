#include "context_commands.hpp"

#include <chrono>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>
#include <ctx/base/text.hpp>
#include <ctx/context_file.hpp>
#include <ctx/dialect.hpp>

#include "../runner/install_paths.hpp"
#include "../runner/job/job_variables.hpp"
#include "../runner/resources/check_archives.hpp"
#include "context_values.hpp"

namespace {

using ctx::Error;
using nlohmann::json;

constexpr const char* check_description = R"(Check a context file and say who can be told it.

The file is read strictly: an unknown key, a wrong type, a value no guest could be told is an error that names file and
line, the key, what is allowed and the nearest known key. The files and archives it names are looked at, too. Then it is
told in each dialect, and a dialect that cannot say it is listed with the reason.

Names of a job (${job.id} …) stand for made-up values here; other names come from --set.)";

constexpr const char* check_footer = R"(
Example:
  vmbatch context check context.toml --set site=example

Exit codes: 0 good, 1 not; with --dialect, 1 also if that dialect cannot say it.)";

constexpr const char* example_footer = R"(
Example:
  vmbatch context example nocloud >context.toml)";

struct CheckOptions {
    std::string file;
    std::string dialect;
    std::vector<std::string> settings;
    bool as_json = false;
};

// Why a dialect cannot say a context; nothing if it can.
std::optional<Error> refusal(const ctx::Context& context, ctx::Dialect dialect)
{
    try {
        ctx::render(context, dialect);
        return std::nullopt;
    } catch (const Error& error) {
        return error;
    }
}

void check(const CheckOptions& options)
{
    const ctx::Variables values = context_values(options.settings);
    ctx::Variables variables = runner::sample_variables("profile");
    for (const auto& [name, value] : values) variables.insert_or_assign(name, value);
    ctx::Context context = ctx::read_context(options.file, variables);
    ctx::set_values(context, values);
    runner::check_archives(context, runner::install_paths(), ctx::Deadline::in(std::chrono::minutes(10)));

    if (!options.dialect.empty()) ctx::render(context, ctx::dialect_from_name(options.dialect));
    json rows = json::object();
    std::string lines = fmt::format("{}: good\n", options.file);
    for (const std::string& name : ctx::dialect_names()) {
        const auto error = refusal(context, ctx::dialect_from_name(name));
        rows[name] = error ? json(error->what()) : json();
        lines += fmt::format("  {:<12} {}\n", name, error ? error->what() : "can be told");
    }
    if (options.as_json)
        std::cout << json{{"schema", 1}, {"file", options.file}, {"refused_by", rows}}.dump(2) << '\n';
    else
        std::cout << lines;
}

void example(const std::string& dialect)
{
    ctx::dialect_from_name(dialect); // a mistyped one is met with the nearest
    const auto file = runner::install_paths().share / "templates/contexts" / (dialect + ".toml");
    std::cout << ctx::read_file(file, 1 << 20);
}

void add_check(CLI::App& noun)
{
    auto options = std::make_shared<CheckOptions>();
    CLI::App* command = noun.add_subcommand("check", check_description);
    command->footer(check_footer);
    command->add_option("CONTEXT", options->file, "the context file")->required();
    command->add_option("--dialect", options->dialect, "the dialect that must be able to say it")
        ->type_name("D");
    add_set_option(*command, options->settings);
    command->add_flag("--json", options->as_json, "print JSON, schema 1");
    command->callback([options] { check(*options); });
}

void add_example(CLI::App& noun)
{
    auto dialect = std::make_shared<std::string>();
    CLI::App* command =
        noun.add_subcommand("example", "Print a commented context to start from, for guests of a dialect.");
    command->footer(example_footer);
    command->add_option("DIALECT", *dialect, fmt::format("one of {}", ctx::join(ctx::dialect_names(), ", ")))
        ->required();
    command->callback([dialect] { example(*dialect); });
}

} // namespace

void add_context_commands(CLI::App& app)
{
    CLI::App* noun = app.add_subcommand(
        "context", "Check contexts, see what they would change, and start one from an example.");
    noun->footer("\nExample:\n  vmbatch context check context.toml");
    noun->require_subcommand(1);
    add_check(*noun);
    add_context_plan(*noun);
    add_example(*noun);
}
