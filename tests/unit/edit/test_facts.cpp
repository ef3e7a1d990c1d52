// What is read of guests, hostile ones among them.
#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "guest_fixture.hpp"

using ctx::InitSystem;
using ctx::NetworkStack;

TEST_CASE("Facts: Debian 12")
{
    GuestRoot root;
    lay_out_debian(root);
    const ctx::GuestFacts facts = root.facts({});
    CHECK(facts.distribution == "debian");
    CHECK(facts.version == "12");
    CHECK(facts.pretty_name == "Debian GNU/Linux 12 (bookworm)");
    CHECK(facts.init == InitSystem::systemd);
    CHECK(facts.user("debian")->uid == 1000);
    CHECK(facts.user(1000)->home == "/home/debian");
    CHECK(facts.group("adm")->members == std::vector<std::string>{"debian"});
    CHECK(facts.group(gid_t(100))->name == "users");
    CHECK(facts.selinux_policy.empty());
    CHECK(!facts.has_cloud_init);
}

TEST_CASE("Facts: CentOS 6 and SLC 5 as they name themselves")
{
    GuestRoot centos;
    centos.file("/etc/redhat-release", "CentOS release 6.10 (Final)\n");
    centos.file("/sbin/init", "", 0755);
    centos.file("/sbin/initctl", "", 0755);
    centos.file("/etc/init/rc.conf", "start on runlevel [0123456]\n");
    centos.file("/etc/inittab", "id:3:initdefault:\n");
    centos.file("/etc/sysconfig/network-scripts/ifup", "", 0755);
    centos.file("/etc/selinux/config", "SELINUX=enforcing\nSELINUXTYPE=targeted\n");
    centos.file("/etc/selinux/targeted/contexts/files/file_contexts", "/.* system_u:object_r:default_t:s0\n");
    const ctx::GuestFacts six = centos.facts({});
    CHECK(six.distribution == "centos");
    CHECK(six.version == "6.10");
    CHECK(six.init == InitSystem::upstart);
    CHECK(six.network == NetworkStack::ifcfg);
    CHECK(six.selinux_policy == "targeted");

    GuestRoot slc;
    slc.file("/etc/redhat-release", "Scientific Linux CERN SLC release 5.11 (Boron)\n");
    slc.file("/sbin/init", "", 0755);
    slc.folder("/etc/rc.d/rc3.d");
    slc.file("/etc/selinux/config", "SELINUX=disabled\nSELINUXTYPE=targeted\n");
    const ctx::GuestFacts five = slc.facts({});
    CHECK(five.distribution == "slc");
    CHECK(five.version == "5.11");
    CHECK(five.init == InitSystem::sysv);
    CHECK(five.selinux_policy.empty());
}

TEST_CASE("Facts: network stacks by what would read their files")
{
    const auto stack = [](std::initializer_list<const char*> files) {
        GuestRoot root;
        for (const char* path : files) root.file(path, "", 0755);
        return root.facts({}).network;
    };
    CHECK(stack({"/usr/sbin/netplan", "/usr/lib/systemd/systemd-networkd"}) == NetworkStack::netplan);
    CHECK(stack({"/usr/lib/systemd/systemd-networkd"}) == NetworkStack::networkd);
    CHECK(stack({"/usr/sbin/ifup", "/etc/network/interfaces", "/usr/lib/systemd/systemd-networkd"}) ==
          NetworkStack::interfaces);
    CHECK(stack({"/usr/sbin/NetworkManager", "/etc/sysconfig/network-scripts/readme-ifcfg-rh.txt"}) ==
          NetworkStack::network_manager);
    CHECK(stack({"/usr/sbin/NetworkManager",
                 "/usr/lib64/NetworkManager/1.40.16-1.el8/libnm-settings-plugin-ifcfg-rh.so"}) ==
          NetworkStack::ifcfg);
    CHECK(stack({}) == NetworkStack::none);
}

TEST_CASE("Facts: a hostile guest is read within bounds")
{
    GuestRoot root;
    root.link("/etc/os-release", "os-release"); // a loop
    root.link("/sbin/init", "init");
    root.folder("/etc/passwd");
    REQUIRE(mkfifo(root.on_host("/etc/group").c_str(), 0600) == 0);
    root.file("/etc/shadow", std::string(5 << 20, 'x'));
    root.link("/etc/hosts", "../../../../../etc/hosts");
    root.file("/etc/redhat-release", "\x1b[31mCentOS\x07 release");
    root.link("/etc/skel/up", "../../..");
    const ctx::GuestFacts facts = root.facts({});
    CHECK(facts.users.empty());
    CHECK(facts.groups.empty());
    CHECK(!facts.has("/etc/shadow"));
    CHECK(facts.pretty_name.find('\x1b') == std::string::npos);
    CHECK(facts.text("/etc/hosts").empty());
    CHECK(facts.init == InitSystem::none);
}
