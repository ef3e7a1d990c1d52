#include "job_commands.hpp"

#include <chrono>
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ctx/base/error.hpp>

#include "../runner/ledger/ledger.hpp"
#include "../runner/lifecycle/remove_job.hpp"

namespace {

using nlohmann::json;

void list(const CommonOptions& common, bool as_json)
{
    const auto jobs = runner::list_jobs(load_settings(common).state_dir);
    if (as_json) {
        json rows = json::array();
        for (const auto& [record, state] : jobs)
            rows.push_back({{"id", record.id},
                            {"user", record.user},
                            {"profile", record.profile},
                            {"uuid", record.uuid},
                            {"created", record.created},
                            {"state", runner::to_string(state)}});
        std::cout << json{{"schema", 1}, {"jobs", rows}}.dump(2) << '\n';
        return;
    }
    for (const auto& [record, state] : jobs)
        fmt::print("{:<24} {:<12} {:<12} {:%F %T} {}\n", record.id, record.user, record.profile,
                   fmt::gmtime(static_cast<std::time_t>(record.created)), runner::to_string(state));
}

void collect(CommonOptions& common, bool as_json)
{
    const auto garbage = runner::collect_garbage(load_settings(common), runner::install_paths());
    if (as_json) {
        std::cout << json{{"schema", 1},
                          {"jobs", garbage.jobs},
                          {"guests", garbage.guests},
                          {"failures", garbage.failures}}
                         .dump(2)
                  << '\n';
    } else {
        for (const std::string& job : garbage.jobs) std::cout << "removed job " << job << '\n';
        for (const std::string& guest : garbage.guests) std::cout << "ended guest " << guest << '\n';
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
'abandoned' when nobody will come for it any more: 'vmbatch job gc' removes it.)");
    list_command->add_flag("--json", *as_json, "print JSON, schema 1");
    list_command->callback([&common, as_json] { list(common, *as_json); });

    CLI::App* gc_command = noun->add_subcommand("gc", R"(Remove everything that dead jobs left behind.

Every job whose process died is removed: its guest, its directory on the share, its disks, its keys, its claim on an
image. So is every guest of this state directory that belongs to no job. Jobs that run, or that a prologue left to its
batch system, are not touched. It may be called at any time, any number of times, by several at once.)");
    gc_command->footer("\nExit codes: 0 done, 3 something could not be removed (it is named; call again).");
    gc_command->add_flag("--json", *as_json, "print JSON, schema 1");
    gc_command->callback([&common, as_json] { collect(common, *as_json); });
}
