#include "job_commands.hpp"

#include <chrono>
#include <filesystem>
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

#include "../runner/guest/access.hpp"
#include "../runner/journal/counters.hpp"
#include "../runner/journal/journal.hpp"
#include "../runner/ledger/ledger.hpp"
#include "../runner/lifecycle/image_health.hpp"
#include "../runner/lifecycle/remove_job.hpp"
#include "metrics_command.hpp"

namespace {

using nlohmann::json;

void list(const CommonOptions& common, bool as_json)
{
    const std::filesystem::path state_dir = load_settings(common).state_dir;
    const auto jobs = runner::list_jobs(state_dir);
    const auto sick = runner::ImageHealth(state_dir).list();
    if (as_json) {
        json rows = json::array();
        for (const auto& [record, state] : jobs)
            rows.push_back({{"id", record.id},
                            {"user", record.user},
                            {"profile", record.profile},
                            {"uuid", record.uuid},
                            {"created", record.created},
                            {"state", runner::to_string(state)}});
        json images = json::array();
        for (const runner::SickImage& image : sick)
            images.push_back({{"image", image.name},
                              {"digest", image.digest},
                              {"deaths", image.deaths},
                              {"rest", image.rest_left.count()},
                              {"reason", image.reason}});
        std::cout << json{{"schema", 1}, {"jobs", rows}, {"sick_images", images}}.dump(2) << '\n';
        return;
    }
    for (const auto& [record, state] : jobs)
        fmt::print("{:<24} {:<12} {:<12} {:%F %T} {}\n", record.id, record.user, record.profile,
                   fmt::gmtime(static_cast<std::time_t>(record.created)), runner::to_string(state));
    for (const runner::SickImage& image : sick)
        fmt::print(stderr, "image '{}': {} of its guests died in a row before they were ready{}: {}\n",
                   image.name, image.deaths,
                   image.rest_left.count() > 0
                       ? fmt::format("; none is made for {} s", image.rest_left.count())
                       : "",
                   image.reason);
}

json described(const runner::KnownJob& job, const std::filesystem::path& directory)
{
    const runner::JobRecord& record = job.record;
    json made = json::array();
    for (const runner::LedgerEntry& entry : runner::entries_of(directory))
        made.push_back({{"kind", entry.kind}, {"details", json::parse(entry.details, nullptr, false)}});
    json result = {
        {"schema", 1},         {"id", record.id},           {"state", runner::to_string(job.state)},
        {"user", record.user}, {"profile", record.profile}, {"hypervisor", record.hypervisor},
        {"uuid", record.uuid}, {"created", record.created}, {"directory", directory.string()},
        {"made", made}};
    // There once the guest is ready.
    if (const auto access = runner::read_access(directory / "user")) {
        result["batch_system"] = access->batch_system;
        if (access->refused)
            result["refused"] = *access->refused;
        else
            result["guest"] = {{"address", access->address}, {"port", access->port}};
    }
    return result;
}

void print_field(std::string_view name, std::string_view value)
{
    if (!value.empty()) fmt::print("{:<14} {}\n", name, value);
}

void show(const CommonOptions& common, const std::string& id, bool as_json)
{
    const runner::Settings settings = load_settings(common);
    const runner::KnownJob job = runner::find_job(settings.state_dir, id);
    const auto directory = runner::job_directory(settings.state_dir, id);
    const json data = described(job, directory);
    if (as_json) {
        std::cout << data.dump(2) << '\n';
        return;
    }
    print_field("job", job.record.id);
    print_field("state", runner::to_string(job.state));
    print_field("user", job.record.user);
    print_field("profile", job.record.profile);
    print_field("batch system", data.value("batch_system", ""));
    print_field("refused", data.value("refused", ""));
    print_field("made",
                fmt::format("{:%F %T} UTC", fmt::gmtime(static_cast<std::time_t>(job.record.created))));
    if (data.contains("guest"))
        print_field("guest", fmt::format("{} port {}", data["guest"]["address"].get<std::string>(),
                                         data["guest"]["port"].get<int>()));
    print_field("uuid", job.record.uuid);
    print_field("directory", directory.string());
    for (const json& entry : data["made"])
        print_field("ledger", entry["kind"].get<std::string>() + " " + entry["details"].dump());
}

// For monitoring: each is something that its own hooks should have removed.
void write_down(const runner::CollectedGarbage& garbage, const runner::Settings& settings)
{
    std::vector<runner::Metric> counts;
    const auto note = [&](const char* event, const char* counter, const std::string& kind,
                          const std::string& what) {
        runner::Journal(settings, "gc", kind == "job" ? what : "").event(event, {{kind, what}});
        counts.push_back({.name = counter, .labels = {{"kind", kind}}});
    };
    for (const std::string& job : garbage.jobs) note("removed", "leaks_total", "job", job);
    for (const std::string& guest : garbage.guests) note("removed", "leaks_total", "guest", guest);
    for (const std::string& why : garbage.failures) note("failed", "gc_failures_total", "message", why);
    runner::add_counts(settings.state_dir / "host", counts);
}

void collect(CommonOptions& common, bool as_json)
{
    const runner::Settings settings = load_settings(common);
    const auto garbage = runner::collect_garbage(settings, runner::install_paths());
    write_down(garbage, settings);
    if (as_json) {
        std::cout << json{{"schema", 1},
                          {"jobs", garbage.jobs},
                          {"guests", garbage.guests},
                          {"shares", garbage.shares},
                          {"leases", garbage.leases},
                          {"failures", garbage.failures}}
                         .dump(2)
                  << '\n';
    } else {
        for (const std::string& job : garbage.jobs) std::cout << "removed job " << job << '\n';
        for (const std::string& guest : garbage.guests) std::cout << "ended guest " << guest << '\n';
        for (const std::string& share : garbage.shares) std::cout << "removed " << share << '\n';
        for (const std::string& job : garbage.leases)
            std::cout << "released the image of job " << job << '\n';
    }
    for (const std::string& failure : garbage.failures) std::cerr << "vmbatch: " << failure << '\n';
    if (!garbage.failures.empty()) common.exit_code = static_cast<int>(ctx::ExitCode::node);
}

} // namespace

void add_job_commands(CLI::App& app, CommonOptions& common)
{
    CLI::App* noun = app.add_subcommand("job", "Look at jobs, remove what dead ones left.");
    noun->require_subcommand(1);
    auto as_json = std::make_shared<bool>(false);

    CLI::App* list_command = noun->add_subcommand("list", R"(List the jobs of this host, the oldest first.

A job is 'running' while a process looks after it, 'left' while its guest waits for its batch system or works for it,
'abandoned' when nobody will come for it any more: 'vmbatch job gc' removes it. An image whose last guests under a batch
system died before they were ready is told of on standard error, and how long this host rests from it.)");
    list_command->add_flag("--json", *as_json, "print JSON, schema 1");
    list_command->callback([&common, as_json] { list(common, *as_json); });

    auto id = std::make_shared<std::string>();
    CLI::App* show_command = noun->add_subcommand(
        "show", R"(Show one job: its state, its guest, what its ledger says was made for it.

Called by root: the ledger is closed to others.)");
    show_command->add_option("JOB", *id, "its id")->required();
    show_command->add_flag("--json", *as_json, "print JSON, schema 1");
    show_command->callback([&common, id, as_json] { show(common, *id, *as_json); });

    CLI::App* gc_command = noun->add_subcommand("gc", R"(Remove everything that dead jobs left behind.

Every job whose process died is removed: its guest, its directory on the share, its disks, its keys, its claim on an
image. So is what was made for jobs of this state directory and belongs to none: guests, directories on the share, claims
on images. Jobs that run, or that a prologue left to its batch system, are not touched until the host has been down. Call
it when the host starts, and at any time, any number of times, by several at once.)");
    gc_command->footer("\nExit codes: 0 done, 3 something could not be removed (it is named; call again).");
    gc_command->add_flag("--json", *as_json, "print JSON, schema 1");
    add_metrics_command(*noun, common);
    gc_command->callback([&common, as_json] { collect(common, *as_json); });
}
