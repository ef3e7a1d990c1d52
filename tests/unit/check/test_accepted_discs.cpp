// Which disc each guest takes: one case for each row of the table in howto/discs.md, and who reads what of
// it.
#include <catch2/catch.hpp>

#include "machines.hpp"

using namespace machines;
using ctx::check::predict;

namespace {

const std::string script = "#!/bin/sh\ntouch /tmp/told\nexit 0\n";
const std::string config = "#cloud-config\nhostname: told\n";

// The formats by which the boot loader, CernVM 3's userland and cloud-init take a disc.
struct Taken {
    std::string boot_loader;
    std::string userland;
    std::string cloud_init;
};

Taken taken(const Medium& disc)
{
    const Machine machine{.media = {disc}, .disks = {blank_disk()}};
    const Report cernvm = predict(machine, "cernvm3");
    return {.boot_loader = format_of(cernvm, "boot loader"),
            .userland = format_of(cernvm, "HEPiX"),
            .cloud_init = format_of(predict(machine, "cloud-init"), "cloud-init")};
}

void check(const Medium& disc, const Taken& expected)
{
    const Taken found = taken(disc);
    CHECK(found.boot_loader == expected.boot_loader);
    CHECK(found.userland == expected.userland);
    CHECK(found.cloud_init == expected.cloud_init);
}

Verdict verdict(const Machine& machine, std::string_view guest)
{
    const Report report = predict(machine, guest);
    INFO(to_text(report));
    CHECK(report.has(Severity::error) ==
          (report.verdict == Verdict::not_applied || report.verdict == Verdict::partly ||
           report.verdict == Verdict::hangs));
    return report.verdict;
}

} // namespace

TEST_CASE("disc: context.sh, plain or with Rock Ridge; cloud-init wants its label")
{
    const Files files = {{"context.sh", context_sh(script)}};
    check(medium(files), {"OpenNebula", "HEPiX", ""});
    check(with_short_names(medium(files)), {"OpenNebula", "HEPiX", ""});
    check(medium(files, "CONTEXT"), {"OpenNebula", "HEPiX", "OpenNebula"});
    check(medium(files, "CDROM"), {"OpenNebula", "HEPiX", "OpenNebula"});
    check(medium(files, "context"), {"OpenNebula", "HEPiX", ""});
}

TEST_CASE("disc: user-data.txt, plain")
{
    check(with_short_names(medium({{"user-data.txt", script}})), {"", "", ""});
}

TEST_CASE("disc: user-data.txt, Rock Ridge and Joliet")
{
    const Medium disc = medium({{"user-data.txt", script}});
    check(disc, {"vSphere", "", ""});
    // The boot loader keeps it, and in CernVM 3 nobody hears it.
    CHECK(verdict({.media = {disc}}, "cernvm3") == Verdict::not_applied);
    CHECK(verdict({.media = {disc}}, "cernvm4") == Verdict::applied);
}

TEST_CASE("disc: config-2 with both trees, for CernVM 3 too")
{
    const Files cloud = {{"openstack/latest/user_data", script},
                         {"openstack/latest/meta_data.json", R"({"uuid": "7"})"}};
    Files both = cloud;
    both["ec2/latest/user-data"] = script;
    both["ec2/latest/meta-data.json"] = "{}";
    check(medium(both, "config-2"), {"ConfigDrive", "EC2 ConfigDrive", "ConfigDrive"});
    check(medium(cloud, "config-2"), {"ConfigDrive", "", "ConfigDrive"});
    check(medium(cloud), {"ConfigDrive", "", ""});
}

TEST_CASE("disc: NoCloud is a format of cloud-init's alone")
{
    const Medium disc = medium({{"user-data", config}, {"meta-data", "instance-id: 1\n"}}, "cidata");
    check(disc, {"", "", "NoCloud"});
    CHECK(verdict({.media = {disc}}, "cernvm4") == Verdict::not_applied);
    CHECK(verdict({.media = {disc}}, "cernvm5") == Verdict::applied);
    CHECK(verdict({.media = {disc}}, "cloud-init-0.7") == Verdict::applied);
    // Of cloud-init in CernVM 3 it is known only that it is on.
    CHECK(verdict({.media = {disc}}, "cernvm3") == Verdict::not_known);
}

TEST_CASE("disc: NoCloud, plain: the names are too long for it")
{
    const Medium disc =
        with_short_names(medium({{"user-data", config}, {"meta-data", "instance-id: 1\n"}}, "cidata"));
    check(disc, {"", "", ""});
    const Report report = predict({.media = {disc}}, "cloud-init");
    CHECK(report.verdict == Verdict::not_applied);
    CHECK(has(report, "near-miss"));
    CHECK(to_text(report).find("user_dat") != std::string::npos);
}

TEST_CASE("disc: universal is taken by all")
{
    const Medium disc = medium({{"user-data", config},
                                {"meta-data", "instance-id: 1\n"},
                                {"context.sh", context_sh(script)},
                                {"epilog.sh", "[ \"$1\" = start ] || return 0\n"}},
                               "cidata");
    check(disc, {"OpenNebula", "HEPiX", "NoCloud"});
    for (const std::string& guest : ctx::check::guest_names()) {
        INFO(guest);
        CHECK(verdict({.media = {disc}, .disks = {}}, guest) == Verdict::applied);
    }
    CHECK(severity(predict({.media = {disc}}, "cernvm3"), "heard-twice") == Severity::warning);
}

TEST_CASE("the maker of CernVM's own discs is understood")
{
    const std::string data = context_sh(script).substr(std::string("EC2_").size());
    const Medium disc =
        medium({{"context.sh",
                 context_sh(script, data + "USERDATA_ENCODING=base64\nROOT_PUBKEY=root.pub\n"
                                           "SSH_KEY='ssh-rsa A'\nONE_CONTEXT_PATH=\"/var/lib/amiconfig\"\n")},
                {"root.pub", "ssh-rsa A\n"}},
               "CONTEXT");
    check(disc, {"OpenNebula", "HEPiX", "OpenNebula"});
    const Report four = predict({.media = {disc}}, "cernvm4");
    CHECK(has(four, "key-not-read"));
    CHECK(has(four, "heard-twice"));
    CHECK(step_of(four, "cloud-init").reads == std::vector<std::string>{"a script", "SSH_KEY"});
    CHECK(step_of(predict({.media = {disc}}, "cernvm3"), "HEPiX").reads.size() == 1);
}

TEST_CASE("one full scan for each of the boot loader's formats: a config drive anywhere wins")
{
    const Medium first = medium({{"context.sh", context_sh(script)}}, "", "sr0");
    Medium second = medium({{"openstack/latest/user_data", "[amiconfig]\n"}}, "", "sr1");
    const Report report = predict({.media = {first, second}}, "cernvm4");
    CHECK(format_of(report, "boot loader") == "ConfigDrive");
    // The HEPiX scripts go by drives.
    CHECK(format_of(predict({.media = {first, second}}, "cernvm3"), "HEPiX") == "HEPiX");
}

TEST_CASE("a context.sh without user data wins all the same")
{
    const Medium empty = medium({{"context.sh", "ETH0_IP=10.0.0.2\n"}}, "", "sr0");
    const Medium full = medium({{"context.sh", context_sh(script)}}, "", "sr1");
    const Report report = predict({.media = {empty, full}}, "cernvm4");
    CHECK(report.verdict == Verdict::not_applied);
    CHECK(has(report, "empty-context-wins"));
}

TEST_CASE("media are tried by name, whatever the order in which they are given")
{
    const Medium later = medium({{"context.sh", context_sh("later")}}, "", "vdb");
    const Medium earlier = medium({{"context.sh", context_sh(script)}}, "", "sr0");
    CHECK(step_of(predict({.media = {later, earlier}}, "cernvm4"), "boot loader")
              .action.starts_with("takes sr0"));
}

TEST_CASE("HEPiX never looks at the first disk of a bus")
{
    const Medium disc = vfat(medium({{"context.sh", context_sh(script)}}), "vda");
    CHECK(format_of(predict({.media = {disc}}, "cernvm2"), "HEPiX").empty());
    CHECK(format_of(predict({.media = {vfat(disc, "vdb")}}, "cernvm2"), "HEPiX") == "HEPiX");
    CHECK(format_of(predict({.media = {vfat(disc, "xvdc1")}}, "cernvm2"), "HEPiX") == "HEPiX");
    // sr0 comes before all of them, and vdc before vdb.
    const Report two = predict({.media = {vfat(disc, "vdb"), vfat(disc, "vdc")}}, "cernvm2");
    CHECK(step_of(two, "HEPiX").action.starts_with("takes vdc"));
}

TEST_CASE("labels: old cloud-init takes lower case only")
{
    const Files files = {{"user-data", config}, {"meta-data", "instance-id: 1\n"}};
    CHECK(verdict({.media = {medium(files, "CIDATA")}}, "cloud-init") == Verdict::applied);
    const Report old = predict({.media = {medium(files, "CIDATA")}}, "cloud-init-0.7");
    CHECK(old.verdict == Verdict::not_applied);
    CHECK(has(old, "near-miss"));
}

TEST_CASE("NoCloud needs meta-data, a config drive its uuid")
{
    CHECK(verdict({.media = {medium({{"user-data", config}}, "cidata")}}, "cloud-init") ==
          Verdict::not_applied);
    const Report no_uuid = predict(
        {.media = {medium({{"openstack/latest/user_data", config}, {"openstack/latest/meta_data.json", "{}"}},
                          "config-2")}},
        "cloud-init");
    CHECK(no_uuid.verdict == Verdict::partly);
    CHECK(has(no_uuid, "no-uuid"));
    const Report no_id =
        predict({.media = {medium({{"user-data", config}, {"meta-data", ""}}, "cidata")}}, "cloud-init");
    CHECK(no_id.verdict == Verdict::applied);
    CHECK(has(no_id, "no-instance-id"));
}

TEST_CASE("CernVM 4 obeys neither prolog and epilog nor root's key in context.sh")
{
    const Medium scripts_only = medium({{"prolog.sh", "true\n"}, {"context.sh", "PUBLIC_KEY='ssh-rsa A'\n"}});
    CHECK(verdict({.media = {scripts_only}}, "cernvm4") == Verdict::not_applied);
    const Report three = predict({.media = {scripts_only}}, "cernvm3");
    CHECK(three.verdict == Verdict::applied);
    CHECK(has(three, "prolog-twice"));
    const Report four = predict({.media = {scripts_only}}, "cernvm4");
    CHECK(has(four, "script-not-run"));
    CHECK(has(four, "key-not-read"));
}

TEST_CASE("what is not known is said to be")
{
    Medium azure = medium({});
    azure.filesystem = FileSystem::udf;
    CHECK(verdict({.media = {azure}}, "cernvm4") == Verdict::not_known);
    CHECK(verdict({.media = {medium({{"context.sh", "EC2_USER_DATA=$(cat /data)\n"}})}}, "cernvm4") ==
          Verdict::not_known);
    CHECK(verdict({.media = {medium({{"context.sh", context_sh("\x1f\x8b\x08packed")}})}}, "cernvm2") ==
          Verdict::not_known);
}

TEST_CASE("user data in several lines of base64 are not read by the boot loader")
{
    std::string wrapped = context_sh(std::string(200, 'x') + script);
    wrapped.insert(wrapped.find('=') + 1, "\"").insert(90, "\n").insert(wrapped.size() - 1, "\"");
    const Report report = predict({.media = {medium({{"context.sh", wrapped}})}}, "cernvm4");
    CHECK(has(report, "not-decoded"));
    CHECK(report.verdict == Verdict::not_applied);
}

TEST_CASE("a guest nobody knows")
{
    CHECK_THROWS_WITH(predict({}, "cernvm33"), Catch::Contains("did you mean 'cernvm3'?"));
}
