#include "iso_commands.hpp"

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>
#include <ctx/context_file.hpp>
#include <ctx/disc.hpp>
#include <ctx/disc_reader.hpp>

#include "../runner/install_paths.hpp"
#include "../runner/resources/check_archives.hpp"
#include "context_values.hpp"
#include "iso_check_command.hpp"

namespace {

using ctx::Blame;
using ctx::DiscEntry;
using ctx::Error;
using nlohmann::json;

constexpr const char* build_description = R"(Write a context as a disc, for guests of a dialect.

The disc is ISO 9660 with Rock Ridge and Joliet or, for guests without a CD drive, a FAT32 volume. It is its owner's
alone, for it may hold secrets. It appears under its name when it is complete. The same context gives the same bytes; its
dates are those of SOURCE_DATE_EPOCH, or 1970.
There is no job here: ${job.id} and the like must be said with --set.)";

constexpr const char* build_footer = R"(
Example:
  vmbatch iso build context.toml -o context.iso --dialect nocloud --set job.id=1
  vmbatch iso build context.toml -o context.img --format vfat --set job.id=1

Exit codes: 0 done, 1 the context is wrong, 3 the disc cannot be written.)";

constexpr const char* show_description = R"(Show what is on a disc, made by vmbatch or by others.

Prints its label, its format and its files. With --print, the content of one of them instead; with --extract, all are
written below a new directory: files and directories only, nothing outside it.)";

constexpr const char* show_footer = R"(
Example:
  vmbatch iso show context.iso
  vmbatch iso show context.iso --print user-data
  vmbatch iso show context.iso --extract tree

Exit codes: 0 done, 1 the disc cannot be read.)";

struct BuildOptions {
    std::string context;
    std::string disc;
    std::string dialect = "universal";
    std::string format = "iso";
    std::vector<std::string> settings;
};

struct ShowOptions {
    std::string disc;
    std::string directory;
    std::string file;
    bool as_json = false;
};

ctx::Deadline within_minutes()
{
    return ctx::Deadline::in(std::chrono::minutes(10));
}

// reproducible-builds.org: the one date of everything that is made.
std::int64_t source_date()
{
    const char* text = std::getenv("SOURCE_DATE_EPOCH");
    if (text == nullptr || *text == '\0') return 0;
    const std::string_view digits = text;
    std::int64_t seconds = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
    constexpr std::int64_t last = 4102444799; // of the century; a disc's years end in 2155
    if (failure != std::errc{} || end != digits.data() + digits.size() || seconds < 0 || seconds > last)
        throw Error(Blame::user, "not a date")
            .at("SOURCE_DATE_EPOCH=" + ctx::printable(digits))
            .mend("say seconds since 1970");
    return seconds;
}

void build(const BuildOptions& options)
{
    const ctx::Dialect dialect = ctx::dialect_from_name(options.dialect);
    const ctx::DiscFormat format = ctx::disc_format_from_name(options.format);
    const ctx::Variables values = context_values(options.settings);
    ctx::Context context = ctx::read_context(options.context, values);
    ctx::set_values(context, values);
    runner::check_archives(context, runner::install_paths(), within_minutes());
    const std::filesystem::path disc = std::filesystem::absolute(options.disc);
    ctx::write_disc(ctx::render(context, dialect), disc,
                    {.format = format, .time = source_date(), .durable = ctx::Durable::yes});
}

const char* name_of(DiscEntry::Kind kind)
{
    switch (kind) {
    case DiscEntry::Kind::file: return "file";
    case DiscEntry::Kind::directory: return "directory";
    case DiscEntry::Kind::link: return "link";
    case DiscEntry::Kind::other: return "other";
    }
    return "other";
}

void print_json(const std::string& file, const ctx::DiscReader& disc)
{
    json rows = json::array();
    for (const DiscEntry& entry : disc.entries()) {
        json row = {
            {"path", entry.path}, {"kind", name_of(entry.kind)}, {"mode", fmt::format("{:04o}", entry.mode)}};
        if (entry.kind == DiscEntry::Kind::file) row["size"] = entry.size;
        row["time"] = entry.time;
        rows.push_back(std::move(row));
    }
    const json whole = {{"schema", 1},
                        {"disc", file},
                        {"format", ctx::to_string(disc.format())},
                        {"label", disc.label()},
                        {"rock_ridge", disc.has_rock_ridge()},
                        {"joliet", disc.has_joliet()},
                        {"entries", rows}};
    // Bytes of a disc need not be UTF-8.
    std::cout << whole.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
}

std::string format_of(const ctx::DiscReader& disc)
{
    if (disc.format() == ctx::DiscFormat::vfat) return "vfat";
    std::string text = "ISO 9660";
    if (disc.has_rock_ridge()) text += ", Rock Ridge";
    if (disc.has_joliet()) text += ", Joliet";
    return text;
}

void print_list(const ctx::DiscReader& disc)
{
    fmt::print("label   {}\nformat  {}\n\n", ctx::printable(disc.label()), format_of(disc));
    for (const DiscEntry& entry : disc.entries()) {
        constexpr std::size_t longest = 4096;
        const std::string name = ctx::printable(entry.path, longest);
        if (entry.kind == DiscEntry::Kind::file)
            fmt::print("{:>12}  {}\n", entry.size, name);
        else if (entry.kind == DiscEntry::Kind::directory)
            fmt::print("{:>12}  {}/\n", "", name);
        else
            fmt::print("{:>12}  {}\n", name_of(entry.kind), name);
    }
}

void show(const ShowOptions& options)
{
    const ctx::DiscReader disc(options.disc, within_minutes());
    if (!options.file.empty()) {
        disc.read(options.file, [](std::string_view piece) { std::cout << piece; });
        return;
    }
    if (!options.directory.empty()) {
        const ctx::Extracted extracted = ctx::extract_disc(disc, options.directory);
        for (const std::string& path : extracted.left_out)
            std::cerr << "vmbatch: left out, neither file nor directory: " << ctx::printable(path) << '\n';
        return;
    }
    if (options.as_json)
        print_json(options.disc, disc);
    else
        print_list(disc);
}

void add_build(CLI::App& noun)
{
    auto options = std::make_shared<BuildOptions>();
    CLI::App* command = noun.add_subcommand("build", build_description);
    command->footer(build_footer);
    command->add_option("CONTEXT", options->context, "the context file")->required();
    command->add_option("-o,--output", options->disc, "the disc to write")->type_name("OUT")->required();
    command->add_option("--dialect", options->dialect, ctx::join(ctx::dialect_names(), ", "))
        ->type_name("D")
        ->capture_default_str();
    command->add_option("--format", options->format, ctx::join(ctx::disc_format_names(), ", "))
        ->type_name("F")
        ->capture_default_str();
    add_set_option(*command, options->settings);
    command->callback([options] { build(*options); });
}

void add_show(CLI::App& noun)
{
    auto options = std::make_shared<ShowOptions>();
    CLI::App* command = noun.add_subcommand("show", show_description);
    command->footer(show_footer);
    command->add_option("DISC", options->disc, "the disc: a file, or a drive")->required();
    CLI::Option* json_flag = command->add_flag("--json", options->as_json, "print JSON, schema 1");
    CLI::Option* print = command->add_option("--print", options->file, "print this file of the disc")
                             ->type_name("PATH")
                             ->excludes(json_flag);
    command
        ->add_option("--extract", options->directory,
                     "write all files below DIR, which must not be there yet")
        ->type_name("DIR")
        ->excludes(json_flag)
        ->excludes(print);
    command->callback([options] { show(*options); });
}

} // namespace

void add_iso_commands(CLI::App& app, CommonOptions& options)
{
    CLI::App* noun = app.add_subcommand(
        "iso", "Write contexts as discs, look at discs, and know what a guest will do with them.");
    noun->footer("\nExample:\n  vmbatch iso build context.toml -o context.iso");
    noun->require_subcommand(1);
    add_build(*noun);
    add_show(*noun);
    add_iso_check_command(*noun, options);
}
