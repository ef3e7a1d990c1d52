#include "disk_commands.hpp"

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include <fcntl.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/text.hpp>
#include <image-cache/inspect_file.hpp>
#include <image-cache/store.hpp>

#include "../runner/disk/look_at_disk.hpp"
#include "../runner/install_paths.hpp"
#include "image_command.hpp"

namespace {

using image_cache::Format;
using nlohmann::json;

constexpr const char* inspect_description = R"(Show what an image holds.

Prints its partitions, logical volumes and file systems; of the guest in it: distribution and kernels; and which engine can
edit it, and why: ext, for what lies on ext2, ext3 and ext4, or guestfs, libguestfs, for the rest. Needs no root, mounts nothing and changes nothing.

IMAGE is the name of an image in the cache, or a file: a path with a '/' in it.)";

constexpr const char* inspect_footer = R"(
Example:
  vmbatch disk inspect debian
  vmbatch disk inspect ./disk.qcow2 --json

Exit codes: 0 done, 1 the image cannot be read or is refused, 3 this host is at fault, 5 timed out.)";

struct InspectOptions {
    std::string image;
    std::optional<Format> format;
    bool as_json = false;
};

struct Found {
    std::filesystem::path path;
    Format format = Format::raw;
};

Found find_image(const CommonOptions& common, const InspectOptions& options)
{
    if (options.image.find('/') == std::string::npos) {
        const image_cache::Image image = open_store(common).find(options.image);
        return {.path = image.path, .format = image.format};
    }
    // O_NONBLOCK: a FIFO in the place of a file must not stop us.
    const ctx::Fd file(::open(options.image.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    std::error_code error;
    if (!file) throw ctx::system_error("cannot read", options.image, errno, ctx::Blame::user);
    const std::uint64_t size = std::filesystem::file_size(options.image, error);
    if (error) throw ctx::Error(ctx::Blame::user, "not an image").at(options.image).because(error.message());
    return {.path = options.image,
            .format = image_cache::inspect_file(file.get(), size, options.format, options.image).format};
}

// What is on a disk is a stranger's: no byte of it reaches a terminal as it is.
std::string text(const json& row, const char* key)
{
    return row.contains(key) && row[key].is_string() ? ctx::printable(row[key].get<std::string>()) : "";
}

std::string size_text(const json& row)
{
    constexpr double mebibyte = 1 << 20;
    return row.contains("size") ? fmt::format("{:.1f} MiB", row["size"].get<double>() / mebibyte) : "-";
}

void print_volumes(const json& disk)
{
    fmt::print("size       {}\npartitions {}\n\n", size_text(disk), text(disk, "partition_table"));
    fmt::print("{:<20} {:>12}  {:<12} {:<16} {}\n", "VOLUME", "SIZE", "TYPE", "LABEL", "UUID");
    for (const json& row : disk.at("volumes"))
        fmt::print("{:<20} {:>12}  {:<12} {:<16} {}\n", text(row, "name"), size_text(row),
                   row.contains("type") ? text(row, "type") : "-", text(row, "label"),
                   row.contains("obstacle") ? text(row, "obstacle") : text(row, "uuid"));
}

void print_guest(const json& disk)
{
    fmt::print("\n");
    for (const json& row : disk.at("mounts"))
        fmt::print("{:<20} {}\n", text(row, "target"),
                   row.at("volume").is_string() ? text(row, "volume")
                                                : "not on this disk: " + text(row, "source"));
    const json& guest = disk.at("guest");
    if (guest.is_object()) {
        fmt::print("\nsystem     {}\n", text(guest, "name"));
        for (const json& kernel : guest.at("kernels"))
            fmt::print("kernel     {}\n", ctx::printable(kernel.get<std::string>()));
    }
    fmt::print("engine     {}: {}\n", text(disk.at("engine"), "name"), text(disk.at("engine"), "why"));
}

void inspect(const CommonOptions& common, const InspectOptions& options)
{
    const Found found = find_image(common, options);
    const json disk = ctx::while_doing("looking at " + options.image, [&] {
        return runner::look_at_disk(found.path, found.format, runner::install_paths(),
                                    ctx::Deadline::in(std::chrono::minutes(2)));
    });
    if (options.as_json) {
        json whole = disk;
        whole["image"] = options.image;
        whole["format"] = image_cache::to_string(found.format);
        std::cout << whole.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
        return;
    }
    print_volumes(disk);
    print_guest(disk);
}

} // namespace

void add_disk_commands(CLI::App& app, CommonOptions& common)
{
    CLI::App& noun = *app.add_subcommand("disk", "Guests' disks: look into them.");
    noun.footer("\nExample:\n  vmbatch disk inspect debian");
    noun.require_subcommand(1);
    auto options = std::make_shared<InspectOptions>();
    CLI::App& command = *noun.add_subcommand("inspect", inspect_description);
    command.footer(inspect_footer);
    command.add_option("IMAGE", options->image, "the image")->required();
    add_format_option(command, options->format);
    command.add_flag("--json", options->as_json, "print JSON, schema 1");
    command.callback([&common, options] { inspect(common, *options); });
}
