// vmbatch image verify
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <image-cache/pull.hpp>

#include "image_command.hpp"
#include "image_print.hpp"

using ctx::Error;
using image_cache::Image;
using image_cache::Store;
using nlohmann::json;

namespace {

struct Arguments {
    std::vector<std::string> images;
    bool all = false;
    bool repair = false;
    bool as_json = false;
    ProgressMode progress = ProgressMode::automatic;
};

// Takes the error away if it can be mended, and puts what stood in the way in its place if not.
void repair(Store& store, const Image& image, const CommonOptions& common, const Arguments& arguments,
            std::optional<Error>& error)
try {
    ProgressReport report(short_name(image), arguments.progress);
    image_cache::PullRequest how = image_settings(common).request();
    how.progress = reporting(report);
    image_cache::repair(store, image, how);
    error.reset();
} catch (const Error& found) {
    error = found;
}

std::string_view outcome(const json& result)
{
    if (result.contains("repaired")) return result["repaired"] ? "repaired" : "damaged";
    return result["ok"] ? "ok" : "damaged";
}

void verify(CommonOptions& common, const Arguments& arguments)
{
    if (arguments.all == !arguments.images.empty()) throw CLI::RequiredError("Either IMAGE or --all");
    Store store = open_store(common);
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
        }
        if (error && arguments.repair) {
            repair(store, image, common, arguments, error);
            result["repaired"] = !error;
        }
        if (error) common.exit_code = static_cast<int>(exit_code(*error));
        if (!arguments.as_json)
            fmt::print("{:<8}  sha256:{}  {}\n", outcome(result), image.digest,
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

} // namespace

void add_image_verify(CLI::App& images, CommonOptions& common)
{
    const auto arguments = std::make_shared<Arguments>();
    CLI::App& command = add_image_command(images, common, "verify",
                                          "Hash images again and compare with what they were published as",
                                          arguments, verify);
    command.add_option("IMAGE", arguments->images, "The images")->type_name("");
    command.add_flag("--all", arguments->all, "All that are in the cache");
    command.add_flag("--repair", arguments->repair, "Bring damaged ones again from where they came");
    add_json_flag(command, *arguments);
    add_progress_option(command, arguments->progress);
    command.footer(
        image_footer(fmt::format("Each is reported; one that is no longer what it was makes the exit code "
                                 "3.\n\n{}",
                                 image_help),
                     "vmbatch image verify --all"));
}
