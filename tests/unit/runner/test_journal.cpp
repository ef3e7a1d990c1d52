#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>
#include <ctx/base/text.hpp>

#include "../temporary_directory.hpp"
#include "runner/journal/counters.hpp"
#include "runner/journal/journal.hpp"
#include "runner/lifecycle/interruption.hpp"

using nlohmann::json;

namespace {

struct Host {
    TemporaryDirectory directory;
    runner::Settings settings;
    runner::Phases phases{{}};

    Host()
    {
        settings.state_dir = directory / "state";
        settings.log.file = directory / "log";
        ctx::make_directory(settings.state_dir, 0755);
    }
    std::vector<json> events() const
    {
        std::vector<json> result;
        for (const std::string& line : ctx::split(ctx::read_file(settings.log.file, 1 << 20), '\n')) {
            if (!line.empty()) result.push_back(json::parse(line));
        }
        return result;
    }
    double count(const std::string& name, const std::map<std::string, std::string>& labels) const
    {
        for (const runner::Metric& metric : runner::read_counts(settings.state_dir / "host")) {
            if (metric.name == name && metric.labels == labels) return metric.value;
        }
        return 0;
    }
};

} // namespace

TEST_CASE("work that ends well is written down with its phases")
{
    Host host;
    const runner::Journal journal(host.settings, "run", "69[2].server");
    for (int i = 0; i < 2; ++i) journal.follow(host.phases, [&] { host.phases.run("prepare", [] {}); });
    const auto events = host.events();
    REQUIRE(events.size() == 4);
    for (const json& event : events) {
        CHECK(event.at("job") == "69[2].server");
        CHECK(event.at("work") == "run");
    }
    CHECK(events[0].at("event") == "begun");
    CHECK(events[1].at("event") == "done");
    CHECK(events[1].at("phases_ms").contains("prepare"));
    CHECK(host.count("works_total", {{"work", "run"}, {"result", "done"}}) == 2);
    CHECK(host.count("phase_seconds_count", {{"phase", "prepare"}}) >= 2);
}

TEST_CASE("work that fails is written down, and fails as before")
{
    Host host;
    const runner::Journal journal(host.settings, "prologue", "1");
    CHECK_THROWS_AS(
        journal.follow(host.phases,
                       [] { throw ctx::Error(ctx::Blame::remote, "no answer").at("\xff\n\"host\""); }),
        ctx::Error);
    CHECK_THROWS_AS(journal.follow(host.phases, [] { throw runner::Interrupted{15}; }), runner::Interrupted);
    const auto events = host.events();
    REQUIRE(events.size() == 4);
    CHECK(events[1].at("event") == "failed_remote");
    CHECK(events[1].at("problem") == "no answer");
    CHECK(events[3].at("event") == "interrupted");
    CHECK(host.count("works_total", {{"work", "prologue"}, {"result", "failed_remote"}}) == 1);
}

TEST_CASE("a log that cannot be written, and counters that make no sense, fail nobody's work")
{
    Host host;
    SECTION("no such directory")
    {
        host.settings.log.file = "/no/such/directory/log";
    }
    SECTION("a FIFO that nobody reads")
    {
        REQUIRE(::mkfifo(host.settings.log.file.c_str(), 0600) == 0);
    }
    SECTION("damaged counters")
    {
        ctx::make_directory(host.settings.state_dir / "host", 0755);
        ctx::write_file(host.settings.state_dir / "host/metrics.json", "{\"counters\": [1]}", 0644);
    }
    bool worked = false;
    runner::Journal(host.settings, "run", "1").follow(host.phases, [&] { worked = true; });
    CHECK(worked);
    CHECK(host.count("works_total", {{"work", "run"}, {"result", "done"}}) == 1);
}

TEST_CASE("a log that was moved away is begun anew")
{
    Host host;
    const runner::Journal journal(host.settings, "run", "1");
    journal.event("one", json::object());
    std::filesystem::rename(host.settings.log.file, host.directory / "log.1");
    journal.event("two", json::object());
    CHECK(host.events().size() == 1);
}

TEST_CASE("counts of many at once all count")
{
    const TemporaryDirectory directory;
    std::vector<std::thread> many;
    for (int i = 0; i < 4; ++i)
        many.emplace_back([&] {
            for (int n = 0; n < 10; ++n) runner::add_counts(directory.path(), {{.name = "x", .labels = {}}});
        });
    for (std::thread& one : many) one.join();
    const auto counts = runner::read_counts(directory.path());
    REQUIRE(counts.size() == 1);
    CHECK(counts[0].value == 40);
}

TEST_CASE("counters in Prometheus' text format")
{
    CHECK(
        runner::prometheus_text({{.name = "leaks_total", .labels = {{"kind", "job"}}, .value = 2},
                                 {.name = "unknown", .labels = {}},
                                 {.name = "leaks_total", .labels = {{"kind", "a\"b\\c\n"}}, .value = 0.5}}) ==
        "# HELP vmbatch_leaks_total What 'vmbatch job gc' found and removed, by kind.\n"
        "# TYPE vmbatch_leaks_total counter\n"
        "vmbatch_leaks_total{kind=\"job\"} 2\n"
        "vmbatch_leaks_total{kind=\"a\\\"b\\\\c\\n\"} 0.5\n");
}
