#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>

#include "../../../tools/runner/hypervisor/qemu/accel.hpp"
#include "../temporary_directory.hpp"

using namespace std::chrono_literals;
using namespace runner::qemu;
namespace fs = std::filesystem;

namespace {

// A host whose KVM is a script: it leaves a mark for each time it is started, then does as it is told.
// /dev/null is a character device that opens, which is all that is asked of the device before the probe.
class FakeHost {
public:
    explicit FakeHost(const std::string& behaviour)
    {
        become(behaviour);
        ctx::write_file(directory_ / "probe.img", "guest", 0644);
        options.memory_file = directory_.path() / "state" / "host" / "accel.json";
        options.probe_image = directory_ / "probe.img";
        options.emulator = directory_ / "qemu";
        options.device = "/dev/null";
    }

    void become(const std::string& behaviour) const
    {
        ctx::write_file(directory_ / "qemu",
                        "#!/bin/sh\nmktemp " + (directory_ / "start.XXXXXX").string() + " >&2\n" + behaviour +
                            "\n",
                        0755);
    }

    long starts() const
    {
        return std::ranges::count_if(fs::directory_iterator(directory_.path()),
                                     [](const fs::directory_entry& entry) {
                                         return entry.path().filename().string().starts_with("start.");
                                     });
    }

    nlohmann::json memory() const
    {
        return nlohmann::json::parse(ctx::read_file(options.memory_file, 65536));
    }
    void remember(const nlohmann::json& memory) const
    {
        ctx::write_file(options.memory_file, memory.dump(), 0644);
    }
    const fs::path& path() const { return directory_.path(); }

    AccelOptions options;

private:
    TemporaryDirectory directory_;
};

const std::string passes = "echo passed; exit 85";
const std::string fails = "echo exceptions; echo 'failed: UD2 raised nothing'; exit 31";

} // namespace

TEST_CASE("tcg is taken at its word, without a probe")
{
    FakeHost host(passes);
    host.options.setting = "tcg";
    CHECK(choose_accel(host.options).accel == Accel::tcg);
    CHECK(host.starts() == 0);
    CHECK_FALSE(fs::exists(host.options.memory_file));
}

TEST_CASE("an unknown setting is an error")
{
    FakeHost host(passes);
    host.options.setting = "xen";
    CHECK_THROWS_AS(choose_accel(host.options), ctx::Error);
}

TEST_CASE("KVM is used where the probe guest passes, and the verdict is remembered")
{
    const FakeHost host(passes);
    const AccelChoice first = choose_accel(host.options);
    CHECK(first.accel == Accel::kvm);
    CHECK_FALSE(first.remembered);
    const AccelChoice second = choose_accel(host.options);
    CHECK(second.accel == Accel::kvm);
    CHECK(second.remembered);
    CHECK(host.starts() == 1);
    CHECK(host.memory().at("schema") == 1);
}

TEST_CASE("whatever else the probe does, KVM is not used and the reason says what happened")
{
    struct Case {
        std::string behaviour;
        std::string reason;
    };
    const std::vector<Case> cases = {
        {fails, "UD2 raised nothing"},
        {"echo long mode; exit 0", "shut down at 'long mode'"},
        {"echo 'qemu: warning: no such feature' >&2; echo 'qemu: no KVM' >&2; exit 1", "exit code 1"},
        {"echo 'failed to set MSR 0x10a' >&2; kill -ABRT $$", "signal 6"},
        {"exit 84", "exit code 84"},
    };
    for (const Case& each : cases) {
        const FakeHost host(each.behaviour);
        const AccelChoice choice = choose_accel(host.options);
        CHECK(choice.accel == Accel::tcg);
        CHECK_THAT(choice.reason, Catch::Contains(each.reason));
        CHECK(choose_accel(host.options).remembered);
        CHECK(host.starts() == 1);
    }
}

TEST_CASE("an emulator that is missing is no working KVM")
{
    FakeHost host(passes);
    host.options.emulator = host.path() / "nowhere";
    CHECK(choose_accel(host.options).accel == Accel::tcg);
}

TEST_CASE("a guest that hangs is given up at the deadline; the verdict is doubted after an hour")
{
    FakeHost host("echo interrupt table; exec sleep 60");
    host.options.probe_deadline = 300ms;
    const auto start = std::chrono::steady_clock::now();
    const AccelChoice choice = choose_accel(host.options);
    CHECK(std::chrono::steady_clock::now() - start < 10s);
    CHECK(choice.accel == Accel::tcg);
    CHECK_THAT(choice.reason, Catch::Contains("still at 'interrupt table' after 300 ms"));
    CHECK(choose_accel(host.options).remembered);
    CHECK(host.starts() == 1);

    nlohmann::json memory = host.memory();
    memory["probed"] = memory["probed"].get<long>() - 3700;
    host.remember(memory);
    CHECK_FALSE(choose_accel(host.options).remembered);
    CHECK(host.starts() == 2);
}

TEST_CASE("a guest that KVM stopped is not waited for")
{
    FakeHost host("echo exceptions; echo 'KVM internal error. Suberror: 1' >&2; exec sleep 60");
    host.options.probe_deadline = 30s;
    const auto start = std::chrono::steady_clock::now();
    const AccelChoice choice = choose_accel(host.options);
    CHECK(std::chrono::steady_clock::now() - start < 10s);
    CHECK(choice.accel == Accel::tcg);
    CHECK_THAT(choice.reason, Catch::Contains("stopped the probe guest at 'exceptions'"));
}

TEST_CASE("kvm by name: a failing probe is the node's error with a remedy, and is made again each time")
{
    FakeHost host(fails);
    host.options.setting = "kvm";
    try {
        choose_accel(host.options);
        FAIL("no error");
    } catch (const ctx::Error& error) {
        CHECK(error.blame() == ctx::Blame::node);
        CHECK_THAT(error.reason(), Catch::Contains("UD2"));
        CHECK_THAT(error.remedy(), Catch::Contains("hypervisor.accel"));
    }
    nlohmann::json memory = host.memory();
    memory["probed"] = memory["probed"].get<long>() - 10;
    host.remember(memory);
    CHECK_THROWS_AS(choose_accel(host.options), ctx::Error);
    CHECK(host.starts() == 2);
    // A "yes" is good enough here, too.
    host.become(passes);
    CHECK(choose_accel(host.options).accel == Accel::kvm);
    CHECK(choose_accel(host.options).remembered);
}

TEST_CASE("without the device there is nothing to probe")
{
    FakeHost host(passes);
    host.options.device = host.path() / "kvm";
    const AccelChoice choice = choose_accel(host.options);
    CHECK(choice.accel == Accel::tcg);
    CHECK_THAT(choice.reason, Catch::Contains("No such file"));
    CHECK(host.starts() == 0);
    host.options.setting = "kvm";
    CHECK_THROWS_AS(choose_accel(host.options), ctx::Error);
}

TEST_CASE("a verdict is forgotten when what it depends on changes")
{
    FakeHost host(fails);
    REQUIRE(choose_accel(host.options).accel == Accel::tcg);

    SECTION("another emulator")
    {
        host.become(passes);
        CHECK(choose_accel(host.options).accel == Accel::kvm);
    }
    SECTION("another kernel")
    {
        nlohmann::json memory = host.memory();
        memory["key"]["kernel"] = "2.6.32";
        host.remember(memory);
        CHECK_FALSE(choose_accel(host.options).remembered);
    }
    SECTION("another device")
    {
        host.options.device = "/dev/zero";
        CHECK_FALSE(choose_accel(host.options).remembered);
    }
    SECTION("another probe guest")
    {
        ctx::write_file(host.options.probe_image, "a better guest", 0644);
        CHECK_FALSE(choose_accel(host.options).remembered);
    }
    SECTION("a clock that went back")
    {
        nlohmann::json memory = host.memory();
        memory["probed"] = memory["probed"].get<long>() + 1000;
        host.remember(memory);
        CHECK_FALSE(choose_accel(host.options).remembered);
    }
}

TEST_CASE("a damaged memory is ignored and written anew")
{
    const FakeHost host(passes);
    choose_accel(host.options);
    const nlohmann::json good = host.memory();
    nlohmann::json wrong_type = good;
    wrong_type["usable"] = "yes";
    nlohmann::json wrong_schema = good;
    wrong_schema["schema"] = 2;
    const std::vector<std::string> damaged = {"",
                                              "{",
                                              "[]",
                                              "null",
                                              "{\"schema\": 1}",
                                              wrong_type.dump(),
                                              wrong_schema.dump(),
                                              std::string(100'000, ' ')};
    for (const std::string& content : damaged) {
        ctx::write_file(host.options.memory_file, content, 0644);
        CHECK(choose_accel(host.options).accel == Accel::kvm);
        CHECK(choose_accel(host.options).remembered);
    }
    CHECK(host.starts() == 1 + static_cast<long>(damaged.size()));
}

TEST_CASE("a verdict that cannot be remembered is still a verdict")
{
    FakeHost host(passes);
    // A file where the directory should be stops root, too.
    ctx::write_file(host.path() / "file", "", 0644);
    host.options.memory_file = host.path() / "file" / "accel.json";
    const AccelChoice choice = choose_accel(host.options);
    CHECK(choice.accel == Accel::kvm);
    CHECK_THAT(choice.reason, Catch::Contains("cannot be remembered"));
}

TEST_CASE("many who start at once probe once")
{
    const FakeHost host("sleep 0.3; " + passes);
    std::vector<std::future<AccelChoice>> callers;
    callers.reserve(8);
    for (int i = 0; i < 8; ++i)
        callers.push_back(std::async(std::launch::async, [&] { return choose_accel(host.options); }));
    for (std::future<AccelChoice>& caller : callers) CHECK(caller.get().accel == Accel::kvm);
    CHECK(host.starts() == 1);
}

// The programs lie in BUILD/bin, what they need in BUILD/share/vmbatch.
TEST_CASE("the real probe guest passes where a machine works: QEMU's own translator")
{
    AccelOptions options;
    options.probe_image =
        fs::read_symlink("/proc/self/exe").parent_path().parent_path() / "share/vmbatch/accel-probe.img";
    options.probe_deadline = 30s; // a busy test host
    if (!fs::exists(options.emulator)) {
        WARN("SKIPPED: there is no " + options.emulator.string());
        return;
    }
    REQUIRE(fs::exists(options.probe_image));
    const Probe probe = probe_accel(Accel::tcg, options);
    INFO(probe.finding);
    CHECK(probe.passed);
}
