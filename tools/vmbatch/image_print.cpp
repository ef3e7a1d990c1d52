#include "image_print.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctx/base/text.hpp>

#include "progress.hpp"

using image_cache::AliasStep;
using image_cache::Image;
using image_cache::Store;
using nlohmann::json;

namespace {

std::string prefixed(std::string_view digest)
{
    return fmt::format("sha256:{}", digest);
}

std::string local_time(std::int64_t seconds)
{
    const auto time = static_cast<std::time_t>(seconds);
    std::tm parts{};
    if (::localtime_r(&time, &parts) == nullptr) return fmt::format("{}", seconds);
    return fmt::format("{:%Y-%m-%d %H:%M}", parts);
}

std::string name_column(const Image& image)
{
    return image.aliases.empty() ? "-" : ctx::join(image.aliases, ",");
}

} // namespace

json image_json(const Image& image)
{
    return {{"digest", prefixed(image.digest)}, {"format", image_cache::to_string(image.format)},
            {"path", image.path.string()},      {"file_size", image.file_size},
            {"disk_usage", image.disk_usage},   {"virtual_size", image.virtual_size},
            {"imported", image.imported},       {"source", image.source},
            {"aliases", image.aliases}};
}

json pull_json(const image_cache::PullReport& report)
{
    return {{"url", report.url},
            {"final_url", report.final_url},
            {"verified", report.verified},
            {"packed_as", report.packed_as},
            {"bytes", report.bytes},
            {"resumed", report.resumed},
            {"seconds",
             {{"wait", report.wait_seconds},
              {"fetch", report.fetch_seconds},
              {"publish", report.publish_seconds}}},
            {"failures", report.failures}};
}

json error_json(const ctx::Error& error)
{
    return {{"problem", error.problem()},
            {"place", error.place()},
            {"reason", error.reason()},
            {"remedy", error.remedy()},
            {"blame", ctx::to_string(error.blame())}};
}

json image_details_json(const Store& store, const Image& image)
{
    json names = json::array();
    for (const std::string& alias : image.aliases) {
        json history = json::array();
        for (const AliasStep& step : store.history(alias))
            history.push_back({{"digest", prefixed(step.digest)}, {"since", step.since}});
        names.push_back({{"name", alias}, {"history", std::move(history)}});
    }
    json object = {
        {"image", image_json(image)}, {"names", std::move(names)}, {"leases", store.holders(image.digest)}};
    if (const auto report = pull_report(store, image)) object["pull"] = pull_json(*report);
    return object;
}

void print_json(json object)
{
    object["schema"] = 1;
    fmt::print("{}\n", object.dump(2, ' ', false, json::error_handler_t::replace));
}

void print_image_table(const std::vector<Image>& images)
{
    std::size_t width = 4;
    for (const Image& image : images) width = std::max(width, name_column(image).size());
    fmt::print("{:<{}}  {:<12}  {:<6}  {:>10}  {:>10}  {}\n", "NAME", width, "DIGEST", "FORMAT", "DISK",
               "STORED", "IMPORTED");
    for (const Image& image : images)
        fmt::print("{:<{}}  {:<12}  {:<6}  {:>10}  {:>10}  {}\n", name_column(image), width,
                   image.digest.substr(0, 12), image_cache::to_string(image.format),
                   human_size(image.virtual_size), human_size(image.disk_usage), local_time(image.imported));
}

namespace {

void print_pull(const image_cache::PullReport& report)
{
    fmt::print("pulled    {} in {:.1f} s{}{}\n", human_size(report.bytes), report.fetch_seconds,
               report.packed_as.empty() ? "" : ", packed as " + report.packed_as,
               report.resumed > 0 ? fmt::format(", {} of it from earlier tries", human_size(report.resumed))
                                  : "");
    if (report.final_url != report.url) fmt::print("from      {}\n", report.final_url);
    fmt::print("verified  {}\n", report.verified.empty() ? "by nothing" : report.verified);
    for (const std::string& failure : report.failures) fmt::print("failed    {}\n", failure);
}

} // namespace

void print_image_details(const Store& store, const Image& image)
{
    fmt::print("digest    {}\n", prefixed(image.digest));
    fmt::print("format    {}\n", image_cache::to_string(image.format));
    fmt::print("path      {}\n", image.path.string());
    fmt::print("disk      {} ({} bytes)\n", human_size(image.virtual_size), image.virtual_size);
    fmt::print("file      {} ({} bytes), {} on disk\n", human_size(image.file_size), image.file_size,
               human_size(image.disk_usage));
    fmt::print("imported  {}\n", local_time(image.imported));
    fmt::print("source    {}\n", image.source.empty() ? "not known" : ctx::printable(image.source, 4096));
    if (const auto report = pull_report(store, image)) print_pull(*report);
    for (const std::string& alias : image.aliases)
        for (std::size_t age = 0; const AliasStep& step : store.history(alias)) {
            fmt::print("{}  {} {} {}\n", age == 0 ? "name    " : "        ",
                       age == 0 ? alias : "before:", age == 0 ? "since" : prefixed(step.digest.substr(0, 12)),
                       age == 0 ? local_time(step.since) : "since " + local_time(step.since));
            ++age;
        }
    const std::vector<std::string> jobs = store.holders(image.digest);
    fmt::print("leases    {}\n", jobs.empty() ? "none" : ctx::join(jobs, " "));
}

std::string short_name(const Image& image)
{
    return image.aliases.empty() ? prefixed(image.digest.substr(0, 12)) : image.aliases.front();
}
