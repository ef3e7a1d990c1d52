#include "image_commands.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <image-cache/store.hpp>

#include "image_print.hpp"
#include "progress.hpp"

using ctx::Blame;
using ctx::Error;
using image_cache::Format;
using image_cache::Image;
using image_cache::Store;
using nlohmann::json;

namespace {

constexpr auto exit_codes = "Exit codes: 0 done, 1 the request is wrong, 2 usage, 3 this host is at fault,\n"
                            "4 a remote is at fault, 5 timed out.";

constexpr auto image_help =
    "IMAGE is a name, a digest (sha256:…, with or without that prefix) or at least the\n"
    "first 8 digits of one.";

// What follows a command's options in its --help.
std::string footer(std::string_view details, std::string_view example)
{
    return fmt::format("{}\n\nExample:\n  {}\n\n{}", details, example, exit_codes);
}

Store open_store(const CommonOptions& common)
{
    return Store(cache_dir(common));
}

image_cache::ProgressFunction reporting(ProgressReport& report)
{
    return [&report](const image_cache::Progress& progress) {
        report.update(progress.stage, progress.done, progress.total);
    };
}

// What a command was told on its command line; CLI11 fills it before the callback runs.
struct Arguments {
    std::string file;
    std::string name;
    std::optional<Format> format;
    std::string checksum;
    std::vector<std::string> images;
    bool all = false;
    bool as_json = false;
    ProgressMode progress = ProgressMode::automatic;
};

void import(const CommonOptions& common, const Arguments& arguments)
{
    image_cache::ImportOptions options;
    options.alias = arguments.name;
    options.format = arguments.format;
    if (!arguments.checksum.empty()) options.expected_digest = arguments.checksum;
    image_cache::Imported result;
    {
        ProgressReport report(arguments.file, arguments.progress);
        options.progress = reporting(report);
        result = open_store(common).import(arguments.file, options);
    }
    if (arguments.as_json) {
        print_json({{"image", image_json(result.image)}, {"cached", result.was_cached}});
        return;
    }
    fmt::print("{}  sha256:{}\n", result.was_cached ? "cached  " : "imported", result.image.digest);
    if (!arguments.name.empty()) fmt::print("name      {}\n", arguments.name);
    fmt::print("path      {}\n", result.image.path.string());
}

void list(CommonOptions& common, const Arguments& arguments)
{
    const Store store = open_store(common);
    const std::vector<Image> images = store.list();
    const std::vector<Error> damage = store.damage();
    if (arguments.as_json) {
        json object = {{"images", json::array()}, {"damage", json::array()}};
        for (const Image& image : images) object["images"].push_back(image_json(image));
        for (const Error& error : damage) object["damage"].push_back(error_json(error));
        print_json(std::move(object));
    } else {
        print_image_table(images);
    }
    for (const Error& error : damage) fmt::print(stderr, "{}\n", error.explain());
    if (!damage.empty()) common.exit_code = static_cast<int>(exit_code(damage.front()));
}

void show(const CommonOptions& common, const Arguments& arguments)
{
    const Store store = open_store(common);
    const Image image = store.find(arguments.name);
    if (arguments.as_json)
        print_json(image_details_json(store, image));
    else
        print_image_details(store, image);
}

void path(const CommonOptions& common, const Arguments& arguments)
{
    fmt::print("{}\n", open_store(common).find(arguments.name).path.string());
}

void verify(CommonOptions& common, const Arguments& arguments)
{
    if (arguments.all == !arguments.images.empty()) throw CLI::RequiredError("Either IMAGE or --all");
    const Store store = open_store(common);
    std::vector<Image> images;
    if (arguments.all) images = store.list();
    for (const std::string& name : arguments.images) images.push_back(store.find(name));

    json results = json::array();
    for (const Image& image : images) {
        json result = {{"digest", "sha256:" + image.digest}, {"aliases", image.aliases}, {"ok", true}};
        std::optional<Error> error;
        try {
            ProgressReport report(short_name(image), arguments.progress);
            store.verify(image, reporting(report));
        } catch (const Error& found) {
            error = found;
            result["ok"] = false;
            result["error"] = error_json(found);
            common.exit_code = static_cast<int>(exit_code(found));
        }
        if (!arguments.as_json)
            fmt::print("{:<8}  sha256:{}  {}\n", error ? "damaged" : "ok", image.digest,
                       fmt::join(image.aliases, ","));
        if (error) {
            // In the order of the reader, where both go to one terminal.
            static_cast<void>(std::fflush(stdout));
            fmt::print(stderr, "{}\n", error->explain());
        }
        results.push_back(std::move(result));
    }
    if (arguments.as_json) print_json({{"images", std::move(results)}});
}

// What `rm NAME` means: a name among several is taken away alone, the last one takes the image with it.
struct Removal {
    std::string name;
    std::optional<Image> image;
};

bool is_meant(const Image& image, const std::string& name)
{
    return std::ranges::count(image.aliases, name) > 0 || image.digest == name ||
           "sha256:" + image.digest == name;
}

Removal plan_removal(const Store& store, const std::string& name)
{
    Image image;
    try {
        image = store.find(name);
    } catch (const Error& error) {
        if (error.blame() != Blame::node) throw;
        // Something about it is damaged, which must not keep it from being removed.
        const std::vector<Image> images = store.list();
        const auto found =
            std::ranges::find_if(images, [&](const Image& other) { return is_meant(other, name); });
        if (found == images.end()) return {.name = name, .image = {}};
        image = *found;
    }
    const bool is_one_of_several = image.aliases.size() > 1 && std::ranges::count(image.aliases, name) > 0;
    if (is_one_of_several) return {.name = name, .image = {}};
    return {.name = name, .image = std::move(image)};
}

void remove(const CommonOptions& common, const Arguments& arguments)
{
    Store store = open_store(common);
    // All are looked up before the first goes: a slip of the pen in the last leaves the others alone.
    for (const std::string& name : arguments.images) plan_removal(store, name);
    json results = json::array();
    for (const std::string& name : arguments.images) {
        const Removal removal = plan_removal(store, name);
        json result = {{"name", name}, {"image", nullptr}};
        if (removal.image) {
            store.remove(*removal.image);
            result["image"] = "sha256:" + removal.image->digest;
        } else {
            store.remove_alias(name);
        }
        if (!arguments.as_json)
            fmt::print("removed   {}\n",
                       removal.image ? "sha256:" + removal.image->digest : "the name " + name);
        results.push_back(std::move(result));
    }
    if (arguments.as_json) print_json({{"removed", std::move(results)}});
}

template <class Command>
CLI::App& add_command(CLI::App& parent, CommonOptions& common, const std::string& name,
                      const std::string& what, const std::shared_ptr<Arguments>& arguments, Command command)
{
    CLI::App& app = *parent.add_subcommand(name, what);
    app.callback([&common, arguments, command] { command(common, *arguments); });
    return app;
}

void add_json_flag(CLI::App& command, Arguments& arguments)
{
    command.add_flag("--json", arguments.as_json, "Print the result as JSON (schema 1)");
}

void add_import(CLI::App& images, CommonOptions& common)
{
    const auto arguments = std::make_shared<Arguments>();
    CLI::App& command =
        add_command(images, common, "import", "Bring a local image file into the cache", arguments, import);
    static const std::map<std::string, Format> formats = {{"raw", Format::raw}, {"qcow2", Format::qcow2}};
    command.add_option("FILE", arguments->file, "The image file")->required()->type_name("");
    command
        .add_option("--name", arguments->name, "The name jobs will know it by; moves here if it is in use")
        ->type_name("ALIAS");
    command
        .add_option_function<std::string>(
            "--format",
            [format = &arguments->format](const std::string& name) { *format = formats.at(name); },
            "What the file is; without it, qcow2 is known by its beginning, all else is raw")
        ->check(CLI::IsMember(formats))
        ->option_text("raw|qcow2");
    command
        .add_option("--checksum", arguments->checksum, "What the file must hash to, else nothing is imported")
        ->type_name("sha256:HEX");
    add_json_flag(command, *arguments);
    add_progress_option(command, arguments->progress);
    command.footer(footer(
        "The file is copied (shared blocks where the file system can, holes stay holes), hashed, inspected\n"
        "and published under its SHA-256 digest; the file itself is left as it is. The same content is kept\n"
        "once, and a file that has not changed since it was imported under this name is not read again: "
        "both\n"
        "are reported as cached. Refused are qcow2 images that stand on another file (backing file, data\n"
        "file), are encrypted or damaged, and files that are no raw or qcow2 disk image.",
        "vmbatch image import debian.qcow2 --name debian"));
}

void add_list(CLI::App& images, CommonOptions& common)
{
    const auto arguments = std::make_shared<Arguments>();
    CLI::App& command = add_command(images, common, "list", "List the images in the cache", arguments, list);
    add_json_flag(command, *arguments);
    command.footer(
        footer("Shown are names, digest, format, the size of the disk as a guest sees it and the space "
               "it takes\nhere. What cannot be read is told on stderr, with its remedy, and makes the "
               "exit code 3.",
               "vmbatch image list --json | jq -r '.images[].digest'"));
}

void add_show(CLI::App& images, CommonOptions& common)
{
    const auto arguments = std::make_shared<Arguments>();
    CLI::App& command =
        add_command(images, common, "show", "Show what is known of an image", arguments, show);
    command.add_option("IMAGE", arguments->name, "The image")->required()->type_name("");
    add_json_flag(command, *arguments);
    command.footer(
        footer(fmt::format("Besides its sizes: where it came from, what its names stood for before, and "
                           "which jobs hold it.\n\n{}",
                           image_help),
               "vmbatch image show debian"));
}

void add_path(CLI::App& images, CommonOptions& common)
{
    const auto arguments = std::make_shared<Arguments>();
    CLI::App& command = add_command(images, common, "path",
                                    "Print the path of an image's file, and nothing else", arguments, path);
    command.add_option("IMAGE", arguments->name, "The image")->required()->type_name("");
    command.footer(
        footer(fmt::format("The file never changes: who wants to write makes an overlay.\n\n{}", image_help),
               "qemu-img info \"$(vmbatch image path debian)\""));
}

void add_verify(CLI::App& images, CommonOptions& common)
{
    const auto arguments = std::make_shared<Arguments>();
    CLI::App& command =
        add_command(images, common, "verify",
                    "Hash images again and compare with what they were published as", arguments, verify);
    command.add_option("IMAGE", arguments->images, "The images")->type_name("");
    command.add_flag("--all", arguments->all, "All that are in the cache");
    add_json_flag(command, *arguments);
    add_progress_option(command, arguments->progress);
    command.footer(
        footer(fmt::format("Each is reported; one that is no longer what it was makes the exit code "
                           "3.\n\n{}",
                           image_help),
               "vmbatch image verify --all"));
}

void add_rm(CLI::App& images, CommonOptions& common)
{
    const auto arguments = std::make_shared<Arguments>();
    CLI::App& command =
        add_command(images, common, "rm", "Remove images, or names of images", arguments, remove);
    command.add_option("IMAGE", arguments->images, "The images")->required()->type_name("");
    add_json_flag(command, *arguments);
    command.footer(
        footer(fmt::format("A digest removes the image with all its names. A name is taken away alone "
                           "while the image has others;\nthe last one takes the image with it. An image "
                           "that a job holds is not removed.\n\n{}",
                           image_help),
               "vmbatch image rm debian"));
}

} // namespace

void add_image_commands(CLI::App& app, CommonOptions& common)
{
    CLI::App& images =
        *app.add_subcommand("image", "Images: bring them into the cache, see, check and remove them");
    images.require_subcommand(1);
    images.footer(
        footer("An image is a guest's disk that no job ever changes: each job writes to an overlay of its "
               "own. It is\nknown by the SHA-256 digest of its content, and by the names it is given.",
               "vmbatch image import debian.qcow2 --name debian && vmbatch image list"));
    add_import(images, common);
    add_list(images, common);
    add_show(images, common);
    add_path(images, common);
    add_verify(images, common);
    add_rm(images, common);
}
