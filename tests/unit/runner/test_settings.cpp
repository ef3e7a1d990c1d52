#include <string>

#include <catch2/catch.hpp>

#include <ctx/base/error.hpp>

#include "runner/settings/settings.hpp"

namespace {

const std::string good = R"(schema = 1
[paths]
cache_dir = "/cache"
[share]
source = "10.0.0.1:/vmbatch"
[profile.debian]
image = "debian"
vcpus = { default = 2, max = 4 }
memory = { default = "1G", max = "2G" }
network = { type = "bridge", bridge = "br0" }
[[profile.debian.mount]]
source = "10.0.0.1:/home"
target = "/home"
)";

std::string error_of(const std::string& text)
{
    try {
        runner::parse_settings(text, "vmbatch.toml");
    } catch (const ctx::Error& error) {
        CHECK(error.blame() == ctx::Blame::node);
        return error.what();
    }
    return "(no error)";
}

std::string with(const std::string& more)
{
    return good + more;
}

std::string origin_of(const runner::Settings& settings, const std::string& key)
{
    for (const auto& setting : settings.origins) {
        if (setting.key == key) return setting.value + " from " + setting.origin;
    }
    return "(not there)";
}

} // namespace

TEST_CASE("a configuration is read with its defaults")
{
    const auto settings = runner::parse_settings(good, "vmbatch.toml");
    CHECK(settings.state_dir == "/var/lib/vmbatch");
    CHECK(settings.default_profile == "debian");
    const auto& profile = settings.profile("debian");
    CHECK(profile.vcpus_max == 4);
    CHECK(profile.memory_default == 1ULL << 30);
    CHECK(std::get<runner::BridgeNetwork>(profile.network).bridge == "br0");
    REQUIRE(profile.mounts.size() == 1);
    CHECK(profile.mounts[0].target == "/home");
}

TEST_CASE("every value knows where it came from")
{
    const auto settings =
        runner::parse_settings(good, "vmbatch.toml", {{"paths.state_dir", {"/state", "--state-dir"}}});
    CHECK(settings.state_dir == "/state");
    CHECK(origin_of(settings, "paths.cache_dir") == "/cache from vmbatch.toml:3");
    CHECK(origin_of(settings, "paths.state_dir") == "/state from --state-dir");
    CHECK(origin_of(settings, "hypervisor.accel") == "auto from default");
    CHECK(origin_of(settings, "profile.debian.vcpus.max") == "4 from vmbatch.toml:8");
}

TEST_CASE("what is wrong is named with file, line and what is allowed")
{
    CHECK(error_of(with("imgae = 'x'\n")) == "'profile.debian.mount.imgae': no such key: vmbatch.toml:14");
    CHECK(error_of(with("[profile.other]\nhypervisor = 'qemuu'\n")) ==
          "'profile.other.hypervisor': 'qemuu' is not one of qemu; did you mean 'qemu'?: vmbatch.toml:15");
    CHECK(error_of(with("[profile.other]\nvcpus = { default = 3, max = 2 }\n")) ==
          "'profile.other.vcpus.default': 3 is not between 1 and 2: vmbatch.toml:15");
    CHECK(error_of(with("[profile.other]\nmemory = { max = '2 gigs' }\n")) ==
          "'profile.other.memory.max': '2 gigs' is no size; write \"512M\" or \"2G\": vmbatch.toml:15");
    CHECK(error_of(with("[hypervisor]\naccel = 'hvf'\n")) ==
          "'hypervisor.accel': 'hvf' is not one of auto, kvm, tcg: vmbatch.toml:15");
    CHECK(error_of(with("[jobs]\ndefault_profile = 'debain'\n")) ==
          "'jobs.default_profile': there is no [profile.debain]: vmbatch.toml:15");
    CHECK(error_of("schema = 2\n") == "'schema': 2 is not between 1 and 1: vmbatch.toml:1");
    CHECK(error_of("[paths]\n") == "the key 'schema' is missing: vmbatch.toml");
    CHECK(error_of(with("[paths2]\n")) == "'paths2': no such key; did you mean 'paths'?: vmbatch.toml:14");
}

TEST_CASE("the drive of the context disc has one of libvirt's names, and not the system's")
{
    const auto drive = [](const std::string& name) {
        return with("[profile.other]\ndisc = \"" + name + "\"\n");
    };
    for (const char* name : {"hda", "hdd", "sda", "sdz", "vdb", "vdz"}) {
        CAPTURE(name);
        CHECK(runner::parse_settings(drive(name), "vmbatch.toml").profile("other").disc_drive == name);
    }
    for (const char* name : {"", "vda", "hde", "xvdb", "sr0", "vdB", "h d", "vdb1"}) {
        CAPTURE(name);
        CHECK(error_of(drive(name)).find("is no drive for a context disc") != std::string::npos);
    }
    CHECK(runner::parse_settings(good, "vmbatch.toml").profile("debian").disc_drive == "hda");

    const auto vfat = [](const std::string& line) {
        return with("[profile.other]\ndisc_format = \"vfat\"\n" + line);
    };
    const runner::Settings settings = runner::parse_settings(vfat(""), "vmbatch.toml");
    CHECK(settings.profile("other").disc_format == ctx::DiscFormat::vfat);
    CHECK(settings.profile("other").disc_drive == "vdb");
    CHECK(settings.profile("debian").disc_format == ctx::DiscFormat::iso);
    CHECK(runner::parse_settings(vfat("disc = 'sda'\n"), "vmbatch.toml").profile("other").disc_drive ==
          "sda");
    CHECK(error_of(vfat("disc = 'hda'\n")).find("'hda' can only be a CD drive") != std::string::npos);
    CHECK(error_of(with("[profile.other]\ndisc_format = 'fat'\n")).find("is not one of iso, vfat") !=
          std::string::npos);
}

TEST_CASE("a profile that is not there names the nearest")
{
    const auto settings = runner::parse_settings(good, "vmbatch.toml");
    try {
        settings.profile("debain");
        FAIL("found");
    } catch (const ctx::Error& error) {
        CHECK(error.blame() == ctx::Blame::user);
        CHECK(error.remedy().find("did you mean 'debian'?") != std::string::npos);
    }
}

TEST_CASE("a configuration that is not there says how to get one")
{
    try {
        runner::read_settings("/nonexistent/vmbatch.toml");
        FAIL("read");
    } catch (const ctx::Error& error) {
        CHECK(std::string(error.what()) ==
              "the configuration cannot be read: /nonexistent/vmbatch.toml: No such file or directory");
        CHECK(error.remedy().find("--config") != std::string::npos);
    }
}

TEST_CASE("libvirtd is restarted only by a command of the configuration")
{
    CHECK(runner::parse_settings(good, "vmbatch.toml").hypervisor.restart.empty());
    const auto settings = runner::parse_settings(with("[hypervisor]\nrestart = [\"/bin/systemctl\", "
                                                      "\"restart\", \"libvirtd\"]\nmemory_limit = \"1G\"\n"),
                                                 "vmbatch.toml");
    CHECK(settings.hypervisor.restart.size() == 3);
    CHECK(settings.hypervisor.restart_at_most == 3);
    CHECK(settings.hypervisor.memory_limit == 1ULL << 30);
    CHECK(error_of(with("[hypervisor]\nrestart = [\"systemctl\"]\n")).find("must be an absolute path") !=
          std::string::npos);
}

TEST_CASE("a site whose guests all report by their channel needs no share")
{
    const std::string shareless = "schema = 1\n[profile.debian]\nready = \"channel\"\n";
    CHECK(runner::parse_settings(shareless, "vmbatch.toml").profile("debian").reports_by_channel);
    CHECK(error_of(shareless + "[profile.other]\n").find("must say where guests find the share") !=
          std::string::npos);
}
