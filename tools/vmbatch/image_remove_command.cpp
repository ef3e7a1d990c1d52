// vmbatch image rm
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <image-cache/store.hpp>

#include "image_command.hpp"
#include "image_print.hpp"

using ctx::Blame;
using ctx::Error;
using image_cache::Image;
using image_cache::Store;
using nlohmann::json;

namespace {

struct Arguments {
    std::vector<std::string> images;
    bool as_json = false;
};

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

void remove_images(const CommonOptions& common, const Arguments& arguments)
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

} // namespace

void add_image_remove(CLI::App& images, CommonOptions& common)
{
    const auto arguments = std::make_shared<Arguments>();
    CLI::App& command = add_image_command(images, common, "rm", "Remove images, or names of images",
                                          arguments, remove_images);
    command.add_option("IMAGE", arguments->images, "The images")->required()->type_name("");
    add_json_flag(command, *arguments);
    command.footer(image_footer(
        fmt::format("A digest removes the image with all its names. A name is taken away alone "
                    "while the image has others;\nthe last one takes the image with it. An image "
                    "that a job holds is not removed.\n\n{}",
                    image_help),
        "vmbatch image rm debian"));
}
