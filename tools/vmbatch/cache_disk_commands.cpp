#include "cache_disk_commands.hpp"

#include <chrono>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>
#include <ctx/cache_disk.hpp>

namespace {

using ctx::CacheDiskOptions;

constexpr const char* create_description = R"(Make a disk for CernVM(-FS) to fill at run time.

For cernvm it is blank, without partitions: what the boot loader of CernVM 3 and 4 takes for its scratch disk. One that
has been used keeps the context it was told first: make a new one for each job. For cvmfs it is ext4, labelled
CVMFSCACHE, for guests with the cvmfs client, CernVM 5 among them; never give that one to CernVM 3 or 4, they would wipe
it. Both are sparse and made at once, without root; the same size gives the same bytes. A file that is there is left
alone.)";

constexpr const char* create_footer = R"(
Example:
  vmbatch cache-disk create scratch.img --size 20G
  vmbatch cache-disk create cache.qcow2 --size 20G --for cvmfs --format qcow2

Exit codes: 0 done, 1 the size cannot be, or the name is taken, 3 the disk cannot be written.)";

struct CreateOptions {
    std::string disk;
    std::string size;
    std::string purpose = "cernvm";
    std::string format = "raw";
    bool as_json = false;
};

void create(const CreateOptions& options)
{
    const auto size = ctx::parse_size(options.size);
    if (!size)
        throw ctx::Error(ctx::Blame::user, "not a size")
            .at("--size " + ctx::printable(options.size))
            .mend("say 20G, or 512M; the units are binary");
    const CacheDiskOptions what = {
        .purpose = options.purpose == "cvmfs" ? CacheDiskOptions::For::cvmfs : CacheDiskOptions::For::cernvm,
        .format = options.format == "qcow2" ? CacheDiskOptions::Format::qcow2 : CacheDiskOptions::Format::raw,
        .size = *size};
    ctx::create_cache_disk(std::filesystem::absolute(options.disk), what,
                           ctx::Deadline::in(std::chrono::minutes(10)));
    if (!options.as_json) return;
    nlohmann::json made = {{"schema", 1},
                           {"disk", options.disk},
                           {"for", options.purpose},
                           {"format", options.format},
                           {"size", *size}};
    if (options.purpose == "cvmfs") {
        made["label"] = ctx::cvmfs_cache_label;
        made["cvmfs_quota_limit"] = ctx::cvmfs_quota(*size);
    }
    std::cout << made.dump(2) << '\n';
}

} // namespace

void add_cache_disk_commands(CLI::App& app)
{
    CLI::App* noun = app.add_subcommand("cache-disk", "Make disks for CernVM(-FS) to fill.");
    noun->footer("\nExample:\n  vmbatch cache-disk create scratch.img --size 20G");
    noun->require_subcommand(1);
    auto options = std::make_shared<CreateOptions>();
    CLI::App* command = noun->add_subcommand("create", create_description);
    command->footer(create_footer);
    command->add_option("OUT", options->disk, "the disk to write")->required();
    command->add_option("--size", options->size, "its size: 20G is 20 GiB")->type_name("N")->required();
    command->add_option("--for", options->purpose, "cernvm, cvmfs")
        ->type_name("WHAT")
        ->check(CLI::IsMember({"cernvm", "cvmfs"}))
        ->capture_default_str();
    command->add_option("--format", options->format, "raw, qcow2")
        ->type_name("F")
        ->check(CLI::IsMember({"raw", "qcow2"}))
        ->capture_default_str();
    command->add_flag("--json", options->as_json,
                      "print JSON, schema 1: with the CVMFS_QUOTA_LIMIT that fits, in MB");
    command->callback([options] { create(*options); });
}
