#include <chrono>
#include <filesystem>
#include <string>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>

#include "../temporary_directory.hpp"
#include "runner/ledger/owner.hpp"
#include "runner/lifecycle/image_health.hpp"

using namespace std::chrono_literals;

namespace {

const std::string digest = "5ick";

void change(const TemporaryDirectory& state, const std::string& key, const nlohmann::json& value)
{
    const auto file = state / "host/images/5ick.json";
    auto data = nlohmann::json::parse(ctx::read_file(file, 10000));
    data[key] = value;
    ctx::write_file(file, data.dump(), 0644);
}

} // namespace

TEST_CASE("a host rests longer and longer from an image whose guests die")
{
    CHECK(runner::rest_after(0) == 0s);
    CHECK(runner::rest_after(2) == 0s);
    CHECK(runner::rest_after(3) == 60s);
    CHECK(runner::rest_after(4) == 120s);
    CHECK(runner::rest_after(7) == 15min);
    CHECK(runner::rest_after(4000000000) == 15min);
}

TEST_CASE("three deaths in a row and a host rests, until a guest gets ready")
{
    const TemporaryDirectory state;
    const runner::ImageHealth health(state.path());
    for (int i = 0; i < 3; ++i) {
        health.require_rest_is_over(digest);
        health.guest_died(digest, "mini", "it burnt");
    }
    CHECK_THROWS_WITH(health.require_rest_is_over(digest), Catch::Contains("mini, 3 in a row"));
    health.require_rest_is_over("an0ther");
    const auto sick = health.list();
    REQUIRE(sick.size() == 1);
    CHECK(sick[0].digest == digest);
    CHECK(sick[0].reason == "it burnt");
    CHECK(sick[0].rest_left > 50s);
    health.guest_became_ready(digest);
    CHECK(health.list().empty());
    health.require_rest_is_over(digest);
}

TEST_CASE("a rest is over in its time, and with the next boot")
{
    const TemporaryDirectory state;
    const runner::ImageHealth health(state.path());
    for (int i = 0; i < 3; ++i) health.guest_died(digest, "mini", "it burnt");
    change(state, "last", runner::now_in_ticks() - 61 * runner::ticks_per_second());
    health.require_rest_is_over(digest);
    CHECK(health.list().at(0).deaths == 3);
    // One try; if that one dies too, a longer rest.
    health.guest_died(digest, "mini", "again");
    CHECK(health.list().at(0).rest_left > 110s);
    change(state, "boot", "another");
    CHECK(health.list().empty());
    health.require_rest_is_over(digest);
    change(state, "deaths", "many");
    CHECK(health.list().empty());
}
