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
#include <image-cache/pull.hpp>

#include "image_command.hpp"
#include "image_print.hpp"

using ctx::Error;
using image_cache::Format;
using image_cache::Image;
using image_cache::Store;
using nlohmann::json;

namespace {

// What a command was told on its command line; CLI11 fills it before the callback runs.
struct Arguments {
    std::string file;
    std::string name;
    std::optional<Format> format;
    std::string checksum;
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
        Store store = open_store(common);
        result = import_file(store, arguments.file, options, image_settings(common).limits);
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
    const Image image = open_store(common).find(arguments.name);
    if (arguments.as_json)
        print_json({{"path", image.path.string()}, {"format", image_cache::to_string(image.format)}});
    else
        fmt::print("{}\n", image.path.string());
}

void add_import(CLI::App& images, CommonOptions& common)
{
    const auto arguments = std::make_shared<Arguments>();
    CLI::App& command = add_image_command(images, common, "import", "Bring a local image file into the cache",
                                          arguments, import);
    command.add_option("FILE", arguments->file, "The image file")->required()->type_name("");
    command
        .add_option("--name", arguments->name, "The name jobs will know it by; moves here if it is in use")
        ->type_name("ALIAS");
    add_format_option(command, arguments->format);
    command
        .add_option("--checksum", arguments->checksum, "What the file must hash to, else nothing is imported")
        ->type_name("sha256:HEX");
    add_json_flag(command, *arguments);
    add_progress_option(command, arguments->progress);
    command.footer(image_footer(
        "The file is copied (shared blocks where the file system can, holes stay holes), hashed, inspected\n"
        "and published under its SHA-256 digest; the file itself is left as it is. The same content is kept\n"
        "once, and a file that has not changed since it was imported under this name is not read again: "
        "both\n"
        "are reported as cached. What is packed (gzip, bzip2, xz, zstd; the one disk in a zip, tar or OVA) "
        "is\n"
        "unpacked, a vmdk, vdi, vhd or vhdx made into qcow2, once; --format raw takes a file as it is. "
        "Refused\n"
        "are disks that stand on another file, and qcow2 images that are encrypted or damaged.",
        "vmbatch image import debian.qcow2 --name debian"));
}

void add_list(CLI::App& images, CommonOptions& common)
{
    const auto arguments = std::make_shared<Arguments>();
    CLI::App& command =
        add_image_command(images, common, "list", "List the images in the cache", arguments, list);
    add_json_flag(command, *arguments);
    command.footer(
        image_footer("Shown are names, digest, format, the size of the disk as a guest sees it and the space "
                     "it takes\nhere. What cannot be read is told on stderr, with its remedy, and makes the "
                     "exit code 3.",
                     "vmbatch image list --json | jq -r '.images[].digest'"));
}

void add_show(CLI::App& images, CommonOptions& common)
{
    const auto arguments = std::make_shared<Arguments>();
    CLI::App& command =
        add_image_command(images, common, "show", "Show what is known of an image", arguments, show);
    command.add_option("IMAGE", arguments->name, "The image")->required()->type_name("");
    add_json_flag(command, *arguments);
    command.footer(image_footer(
        fmt::format("Besides its sizes: where it came from, what its names stood for before, and "
                    "which jobs hold it.\n\n{}",
                    image_help),
        "vmbatch image show debian"));
}

void add_path(CLI::App& images, CommonOptions& common)
{
    const auto arguments = std::make_shared<Arguments>();
    CLI::App& command = add_image_command(
        images, common, "path", "Print the path of an image's file, and nothing else", arguments, path);
    command.add_option("IMAGE", arguments->name, "The image")->required()->type_name("");
    add_json_flag(command, *arguments);
    command.footer(image_footer(
        fmt::format("The file never changes: who wants to write makes an overlay.\n\n{}", image_help),
        "qemu-img info \"$(vmbatch image path debian)\""));
}

} // namespace

std::string image_footer(std::string_view details, std::string_view example)
{
    constexpr auto exit_codes =
        "Exit codes: 0 done, 1 the request is wrong, 2 usage, 3 this host is at fault,\n"
        "4 a remote is at fault, 5 timed out.";
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

void add_format_option(CLI::App& command, std::optional<Format>& format)
{
    static const std::map<std::string, Format> formats = {{"raw", Format::raw}, {"qcow2", Format::qcow2}};
    command
        .add_option_function<std::string>(
            "--format", [&format](const std::string& name) { format = formats.at(name); },
            "What the file is; without it, qcow2 is known by its beginning, all else is raw")
        ->check(CLI::IsMember(formats))
        ->option_text("raw|qcow2");
}

void add_image_commands(CLI::App& app, CommonOptions& common)
{
    CLI::App& images =
        *app.add_subcommand("image", "Images: bring them into the cache, see, check and remove them");
    images.require_subcommand(1);
    images.footer(image_footer(
        "An image is a guest's disk that no job ever changes: each job writes to an overlay of its "
        "own. It is\nknown by the SHA-256 digest of its content, and by the names it is given.",
        "vmbatch image import debian.qcow2 --name debian && vmbatch image list"));
    add_image_pull(images, common);
    add_import(images, common);
    add_list(images, common);
    add_show(images, common);
    add_path(images, common);
    add_image_verify(images, common);
    add_image_prune(images, common);
    add_image_remove(images, common);
}
