#include "image_health.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>

#include "../ledger/owner.hpp"

namespace runner {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

constexpr unsigned first_rest = 3;

// By the host's uptime, which no jump of its clock changes. Nothing for a record of an earlier boot, or none.
std::optional<SickImage> read(const fs::path& file)
try {
    constexpr std::size_t limit = 1 << 16;
    const json data = json::parse(ctx::read_file(file, limit));
    if (data.at("boot").get<std::string>() != host_boot_id()) return std::nullopt;
    SickImage image{.digest = file.stem().string(),
                    .name = data.at("name"),
                    .deaths = data.at("deaths"),
                    .rest_left = {},
                    .reason = data.at("reason")};
    const auto since = (now_in_ticks() - data.at("last").get<std::int64_t>()) / ticks_per_second();
    image.rest_left = std::max(0s, rest_after(image.deaths) - std::chrono::seconds(since));
    return image;
} catch (const json::exception&) {
    return std::nullopt;
} catch (const ctx::Error&) {
    return std::nullopt;
}

} // namespace

std::chrono::seconds rest_after(unsigned deaths)
{
    if (deaths < first_rest) return 0s;
    constexpr unsigned doublings = 4;
    return std::min<std::chrono::seconds>(60s * (1U << std::min(deaths - first_rest, doublings)), 15min);
}

ImageHealth::ImageHealth(const fs::path& state_dir) : directory_(state_dir / "host" / "images") {}

void ImageHealth::require_rest_is_over(const std::string& digest) const
{
    const auto image = read(directory_ / (digest + ".json"));
    if (!image || image->rest_left == 0s) return;
    throw ctx::Error(ctx::Blame::node, "this host rests: guests of this image die before they are ready")
        .at(fmt::format("{}, {} in a row, the next is tried in {} s", image->name, image->deaths,
                        image->rest_left.count()))
        .because(image->reason)
        .mend("mend the image or the profile, then remove " + (directory_ / (digest + ".json")).string());
}

void ImageHealth::guest_died(const std::string& digest, const std::string& name,
                             const std::string& reason) const
try {
    const fs::path file = directory_ / (digest + ".json");
    const auto before = read(file);
    const json data = {{"schema", 1},
                       {"boot", host_boot_id()},
                       {"last", now_in_ticks()},
                       {"name", name},
                       {"deaths", (before ? before->deaths : 0) + 1},
                       {"reason", reason}};
    fs::create_directories(directory_);
    ctx::write_file(file, data.dump(2, ' ', false, json::error_handler_t::replace) + "\n", 0644);
} catch (const std::exception&) { // NOLINT(bugprone-empty-catch): the death itself is what is told
}

void ImageHealth::guest_became_ready(const std::string& digest) const
{
    std::error_code ignored;
    fs::remove(directory_ / (digest + ".json"), ignored);
}

std::vector<SickImage> ImageHealth::list() const
{
    std::vector<SickImage> images;
    std::error_code ignored;
    for (const auto& file : fs::directory_iterator(directory_, ignored)) {
        if (file.path().filename().string().starts_with('.')) continue;
        if (auto image = read(file.path())) images.push_back(std::move(*image));
    }
    std::ranges::sort(images, {}, &SickImage::digest);
    return images;
}

} // namespace runner
