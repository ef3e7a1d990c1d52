// vmbatch image prune
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <ctx/base/text.hpp>
#include <image-cache/prune.hpp>

#include "image_command.hpp"
#include "image_print.hpp"

using image_cache::Pruned;
using image_cache::PruneResult;
using nlohmann::json;

namespace {

struct Arguments {
    image_cache::PruneOptions options;
    bool as_json = false;
};

json rows(const std::vector<Pruned>& images)
{
    json list = json::array();
    for (const Pruned& pruned : images)
        list.push_back({{"image", image_json(pruned.image)}, {"why", pruned.why}});
    return list;
}

void print(const Arguments& arguments, const PruneResult& result)
{
    if (arguments.as_json) {
        print_json({{"dry_run", arguments.options.dry_run},
                    {"removed", rows(result.removed)},
                    {"kept", rows(result.kept)},
                    {"dead_leases", result.dead_leases},
                    {"freed", result.freed}});
        return;
    }
    for (const Pruned& pruned : result.removed)
        fmt::print("{}  sha256:{}  {}  {}\n", arguments.options.dry_run ? "would go" : "removed ",
                   pruned.image.digest, fmt::join(pruned.image.aliases, ","), pruned.why);
    for (const Pruned& pruned : result.kept)
        fmt::print("kept      sha256:{}  {}  {}\n", pruned.image.digest, fmt::join(pruned.image.aliases, ","),
                   pruned.why);
    for (const std::string& job : result.dead_leases) fmt::print("lease     of {}, which is no more\n", job);
    fmt::print("freed     {}\n", human_size(result.freed));
}

void prune(const CommonOptions& common, const Arguments& arguments)
{
    image_cache::Store store = open_store(common);
    print(arguments, image_cache::prune(store, arguments.options));
}

} // namespace

void add_image_prune(CLI::App& images, CommonOptions& common)
{
    const auto arguments = std::make_shared<Arguments>();
    CLI::App& command = add_image_command(images, common, "prune",
                                          "Make room: remove images that nobody needs", arguments, prune);
    command.add_flag("--dry-run", arguments->options.dry_run, "Only show what would go");
    command
        .add_option("--keep-days", arguments->options.keep_days, "Remove what was not used for so many days")
        ->type_name("N");
    command
        .add_option_function<std::string>(
            "--max-size",
            [arguments](const std::string& size) {
                arguments->options.max_size = ctx::parse_size(size);
                if (!arguments->options.max_size)
                    throw CLI::ValidationError("--max-size", size + " is no size, as 20G");
            },
            "Remove until all together take no more than this")
        ->type_name("SIZE");
    add_json_flag(command, *arguments);
    command.footer(image_footer(
        "The least recently used go first. An image that a job stands on stays, and one with a name that "
        "was\n"
        "imported: nobody could fetch it again. Without limits only images without a name go. Parts of\n"
        "downloads that nobody has gone on with for two days (or N) go, too.",
        "vmbatch image prune --keep-days 30 --max-size 200G --dry-run"));
}
