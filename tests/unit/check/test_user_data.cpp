// What of user data takes effect: amiconfig's rules, the boot loader's block, cloud-init's kinds.
#include <catch2/catch.hpp>

#include "check/userdata/amiconfig_ini.hpp"
#include "check/userdata/bootloader_block.hpp"
#include "check/userdata/cloud_parts.hpp"
#include "check/userdata/decode_base64.hpp"
#include "check/userdata/shell_words.hpp"
#include "machines.hpp"

using namespace machines;
using namespace ctx::check;

namespace {

Report told(const std::string& user_data, std::string_view guest = "cernvm4")
{
    return predict({.media = {medium({{"context.sh", context_sh(user_data)}})}}, guest);
}

Report cernvm(const std::string& keys)
{
    return told("[amiconfig]\nplugins=cernvm\n[cernvm]\n" + keys);
}

Report cloud(const std::string& user_data)
{
    return predict(
        {.media = {medium({{"user-data", user_data}, {"meta-data", "instance-id: 1\n"}}, "cidata")}},
        "cloud-init");
}

std::string reads(const Report& report, std::string_view stage)
{
    std::string all;
    for (const std::string& what : step_of(report, stage).reads) all += what + "\n";
    return all;
}

} // namespace

TEST_CASE("ini: lines that are neither section nor key=value are dropped")
{
    const AmiconfigIni ini =
        parse_amiconfig_ini("key=before any section\n[a]\nno value\n  blank=first\nKey = Value \n"
                            "colon: too\n# c=1\n; d=2\nrem e=3\n\nempty=\nquotes=\"\"\n");
    REQUIRE(ini.sections.size() == 1);
    CHECK(ini.sections[0].keys == std::map<std::string, std::string>{
                                      {"key", "Value"}, {"colon", "too"}, {"empty", ""}, {"quotes", ""}});
    REQUIRE(ini.dropped.size() == 2);
    CHECK(ini.dropped[0].line == 3);
    CHECK(ini.dropped[1].text == "blank=first");
}

TEST_CASE("ini: a blank and a semicolon begin a comment, the first semicolon alone")
{
    const AmiconfigIni ini = parse_amiconfig_ini("[a]\none=x ; y\ntwo=x;y ; z\nthree=;x\n");
    CHECK(ini.sections[0].keys.at("one") == "x");
    CHECK(ini.sections[0].keys.at("two") == "x;y ; z");
    CHECK(ini.sections[0].keys.at("three") == ";x");
    CHECK(ini.cut == std::vector<std::string>{"one"});
}

TEST_CASE("ini: sections of one name are one, and of two keys the last counts")
{
    const AmiconfigIni ini = parse_amiconfig_ini("[a]\nk=1\n[b] trailing\n[a]\nK=2\r\n[]\n[open\n");
    CHECK(ini.sections.size() == 2);
    CHECK(ini.find("A")->keys.at("k") == "2");
    CHECK(ini.find("c") == nullptr);
}

TEST_CASE("amiconfig: plugins are separated by blanks")
{
    CHECK(told("[amiconfig]\nplugins=cernvm rootsshkeys\n[cernvm]\nproxy=DIRECT\n", "cernvm3").verdict ==
          Verdict::partly); // no key for rootsshkeys
    const Report commas = told("[amiconfig]\nplugins=cernvm,squid\n[cernvm]\nproxy=DIRECT\n");
    CHECK(has(commas, "plugins-commas"));
    CHECK(commas.verdict != Verdict::applied);
    CHECK(has(told("[cernvm]\nproxy=DIRECT\n"), "plugin-not-named"));
    CHECK(has(told("[amiconfig]\nplugins=cernvm\n[CernVM]\nproxy=DIRECT\n"), "section-case"));
}

TEST_CASE("amiconfig: a script for root must have a line that begins with exit")
{
    const Report good =
        told("#!/bin/sh\ntrue\nexit 0\n[amiconfig]\nplugins=cernvm\n[cernvm]\nproxy=DIRECT\n");
    CHECK(good.verdict == Verdict::applied);
    CHECK(reads(good, "amiconfig") == "a script for root, lines 1 to 3\n[cernvm]: proxy\n");
    CHECK(has(told("#!/bin/sh\ntrue\n  exit 0\n"), "script-without-exit"));
    CHECK(has(told("#!/bin/sh\n[ -f /x ] && true\nexit 0\n"), "script-line-is-section"));
}

TEST_CASE("amiconfig: an environment that ends the plugin")
{
    for (const char* value : {"A=1,B=x=y", "A=1,B", "A=x,y"}) {
        const Report report =
            cernvm(std::string("users=a:a:x\norganisations=alice\nenvironment=") + value + "\n");
        INFO(value);
        CHECK(severity(report, "environment-aborts") == Severity::error);
        CHECK(step_of(report, "amiconfig").ignores == std::vector<std::string>{"[cernvm] users"});
        CHECK(report.verdict == Verdict::partly);
    }
    CHECK(cernvm("environment=A=1,B=2\nusers=a:a:x\n").verdict == Verdict::applied);
}

TEST_CASE("amiconfig: variables match by prefix")
{
    CHECK(has(cernvm("environment=JOB_ID=1,JOB=2\n"), "environment-prefix"));
    CHECK_FALSE(has(cernvm("environment=JOB=2,JOB_ID=1\n"), "environment-prefix"));
}

TEST_CASE("amiconfig: users have exactly two colons")
{
    CHECK(has(cernvm("users=alice:alice\n"), "users-abort"));
    CHECK(has(cernvm("users=alice:alice:a:b\n"), "users-abort"));
    CHECK(severity(cernvm("users=a:a:$1$x\n"), "user-password") == Severity::warning);
    CHECK_FALSE(has(cernvm("users=a:a:$6$x\n"), "user-password"));
    CHECK(reads(cernvm("users=a:g:x,b:g:y\n"), "amiconfig") == "users: a (may sudo), b\n");
}

TEST_CASE("amiconfig: the rest of [cernvm]")
{
    CHECK(has(cernvm("contextualization_command=alice1:/bin/true\n"), "command-user"));
    CHECK_FALSE(has(cernvm("contextualization_command=alice:/bin/true x\n"), "command-user"));
    CHECK(has(cernvm("proxy=http://squid:3128;DIRECT\n"), "proxy-unquoted"));
    CHECK_FALSE(has(cernvm("proxy=\"http://squid:3128;DIRECT\"\n"), "proxy-unquoted"));
    CHECK(has(cernvm("organizations=alice\n"), "cernvm-key"));
    CHECK(has(cernvm("proxy=DIRECT ; none\n"), "value-cut"));
    CHECK(has(cernvm("proxy=DIRECT\nalone\n"), "line-dropped"));
}

TEST_CASE("amiconfig: rootsshkeys works on CernVM 3, and has nothing to read on 4")
{
    const Medium disc = medium({{"context.sh", context_sh("[amiconfig]\nplugins=rootsshkeys\n[rootsshkeys]\n",
                                                          "PUBLIC_KEY='ssh-rsa A'\n")}});
    CHECK(predict({.media = {disc}}, "cernvm3").verdict == Verdict::applied);
    CHECK(has(predict({.media = {disc}}, "cernvm4"), "root-key-not-read"));
}

TEST_CASE("amiconfig: parts of a message must be 7bit")
{
    const std::string message = "Content-Type: multipart/mixed; boundary=\"=\"\nMIME-Version: 1.0\n\n--=\n"
                                "Content-Type: text/x-shellscript\nContent-Transfer-Encoding: ";
    CHECK(has(told(message + "base64\n\nIyEvYmluL3NoCg==\n--=--\n"), "mime-not-7bit"));
    CHECK_FALSE(has(told(message + "7bit\n\n#!/bin/sh\n--=--\n"), "mime-not-7bit"));
}

TEST_CASE("the boot loader's block")
{
    const auto fault = [](const std::string& text) {
        const BootloaderBlock block = parse_bootloader_block(text);
        return block.faults.size() == 1 ? std::optional(block.faults[0].kind) : std::nullopt;
    };
    using Kind = BlockFault::Kind;
    const auto inside = [](const std::string& lines) {
        return "[ucernvm-begin]\n" + lines + "[ucernvm-end]\n";
    };
    CHECK(parse_bootloader_block(inside("cvmfs_http_proxy=\"http://squid:3128;DIRECT\"\n")).faults.empty());
    CHECK(fault(inside("a=b;c\n")) == Kind::unquoted);
    CHECK(fault(inside("a=b c\n")) == Kind::unquoted);
    CHECK(fault(inside("a = b\n")) == Kind::name);
    CHECK(fault(inside("a=b\r\n")) == Kind::carriage);
    CHECK(fault(inside("a='b\n")) == Kind::unclosed);
    CHECK(fault(inside("a=\"$b\"\n")) == Kind::expands);
    CHECK(fault(inside("nothing\n")) == Kind::no_setting);
    CHECK(fault("[ucernvm-begin]\na=b\n") == Kind::no_end);
    CHECK(fault("[ucernvm-begin]\r\n") == Kind::begin);
    CHECK(parse_bootloader_block("[ucernvm-begin]\na=b").faults.front().kind == Kind::last_line);
    CHECK(parse_bootloader_block("a=b\n").settings.empty());
    CHECK(without_bootloader_block("x\n" + inside("a=b\n") + "y\n") == "x\ny\n");
}

TEST_CASE("the boot loader: keys that are not known, and one that may wait for ever")
{
    const std::string block = "[ucernvm-begin]\ncvmfs_wait_on_squid=yes\ncvmfs_brunch=x\n[ucernvm-end]\n";
    const Report report = told(block);
    CHECK(report.verdict == Verdict::applied); // there is nothing for others
    CHECK(has(report, "bootloader-waits"));
    CHECK(severity(report, "bootloader-key") == Severity::unknown);
    CHECK(told(block + "[amiconfig]\n").verdict != Verdict::applied);
}

TEST_CASE("the boot loader: a MAC without an address leaves the guest without a network")
{
    const Medium disc =
        medium({{"context.sh", context_sh("#!/bin/sh\nexit 0\n", "ETH0_MAC=52:54:00:00:00:01\n")}});
    CHECK(has(predict({.media = {disc}}, "cernvm4"), "network-incomplete"));
}

TEST_CASE("shell: assignments are read, nothing is run")
{
    const ShellVariables got =
        read_shell_variables("# c\nA=1\nexport B='x y' C=\"a\\\"b\"\nD=a\\ b; E=\nF=$(date)\n");
    CHECK(got.value("A") == "1");
    CHECK(got.value("B") == "x y");
    CHECK(got.value("C") == "a\"b");
    CHECK(got.value("D") == "a b");
    CHECK(got.has("E"));
    CHECK(got.variables.at("F").computed);
    CHECK(read_shell_variables("echo x\nA=1\n").commands);
    CHECK(read_shell_variables("A='x\n").broken);
    CHECK(read_shell_variables("A=1 true\n").commands);
}

TEST_CASE("cloud-init: kinds of user data, by the first line")
{
    CHECK(cloud("#cloud-config\nhostname: x\nruncmd: []\n").verdict == Verdict::applied);
    CHECK(reads(cloud("#cloud-config\nhostname: x\nruncmd: []\n"), "cloud-init").find("hostname, runcmd") !=
          std::string::npos);
    CHECK(cloud("#!/bin/sh\ntrue\n").verdict == Verdict::applied);
    CHECK(cloud("[amiconfig]\nplugins=cernvm\n").verdict == Verdict::not_applied);
    CHECK(has(cloud("# cloud-config\nhostname: x\n"), "cloud-config-first-line"));
    CHECK(cloud("#include\nhttp://x/y\n").verdict == Verdict::not_known);
    CHECK(has(cloud("#cloud-config\na: 1\na: 2\n"), "cloud-config-key-twice"));
}

TEST_CASE("cloud-init: YAML that is none is found with its line")
{
    const Report tabs = cloud("#cloud-config\nusers:\n\t- name: x\n");
    CHECK(has(tabs, "cloud-config-broken"));
    CHECK(to_text(tabs).find("line 3") != std::string::npos);
    CHECK(has(cloud("#cloud-config\n- a\n- b\n"), "cloud-config-broken"));
    CHECK(read_cloud_config("a: &x [1]\nb: *x\n? [c]\n: d\ne: {f: g}\n").keys ==
          std::vector<std::string>{"a", "b", "e"});
}

TEST_CASE("cloud-init: a message of several parts")
{
    const CloudUserData data = read_cloud_user_data(
        "MIME-Version: 1.0\nContent-Type: multipart/mixed;\n boundary=XX\n\npreamble\n--XX\n"
        "Content-Type: text/cloud-config; charset=\"us-ascii\"\n\nhostname: x\n--XX\nContent-Type: "
        "text/x-shellscript\n"
        "Content-Transfer-Encoding: base64\n\nIyEvYmlu\nL3NoCg==\n--XX\n\n#!/bin/sh\n--XX--\nafter\n");
    REQUIRE(data.parts.size() == 3);
    CHECK(data.parts[0].kind == CloudPart::Kind::cloud_config);
    CHECK(data.parts[1].text == "#!/bin/sh\n");
    CHECK(data.parts[2].kind == CloudPart::Kind::script);
    CHECK(has(cloud("Content-Type: multipart/mixed\n\n--x\n"), "mime-broken"));
}

TEST_CASE("base64 as guests decode it")
{
    CHECK(decode_base64("aGFsbG8=", Base64Reader::strict) == "hallo");
    CHECK(decode_base64("aGF\nsbG8", Base64Reader::strict) == "hallo");
    CHECK(decode_base64("aGF sbG8=", Base64Reader::strict) == std::nullopt);
    CHECK(decode_base64("aGF sb*G8=", Base64Reader::lenient) == "hallo");
    CHECK(decode_base64("a", Base64Reader::strict) == std::nullopt);
}

TEST_CASE("vfat does not mind case")
{
    const Medium disc = vfat(medium({{"CONTEXT.SH", context_sh("#!/bin/sh\nexit 0\n")}}), "vdb");
    CHECK(predict({.media = {disc}}, "cernvm2").verdict == Verdict::applied);
}
