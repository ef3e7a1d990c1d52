// The guest's network in the words of each stack.
#include <unistd.h>

#include <catch2/catch.hpp>

#include "../edit/guest_fixture.hpp"

namespace {

ctx::Context fixed()
{
    ctx::Context context;
    context.network.fixed = sample_network();
    return context;
}

} // namespace

TEST_CASE("Network: ifcfg of EL6, whose cards are called eth0")
{
    if (getuid() != 0) return;
    GuestRoot root;
    root.file("/etc/redhat-release", "CentOS release 6.10 (Final)\n");
    root.file("/etc/sysconfig/network-scripts/ifup", "", 0755);
    const std::string own = "/etc/sysconfig/network-scripts/ifcfg-eth0";
    root.file(own, "DEVICE=eth0\nHWADDR=00:11:22:33:44:55\nONBOOT=yes\nBOOTPROTO=dhcp\nUUID=x\n");
    root.file("/etc/sysconfig/network-scripts/ifcfg-lo", "DEVICE=lo\n");
    root.file("/etc/udev/rules.d/70-persistent-net.rules", "SUBSYSTEM==\"net\"\n");
    root.apply({});
    CHECK(root.text(own) == "DEVICE=eth0\nONBOOT=yes\nBOOTPROTO=dhcp\n");
    CHECK(!root.tree().entry("/etc/udev/rules.d/70-persistent-net.rules"));
    root.apply(fixed());
    CHECK(root.text(own) ==
          "DEVICE=eth0\nTYPE=Ethernet\nONBOOT=yes\nHWADDR=52:54:00:12:34:56\nBOOTPROTO=none\n"
          "IPADDR=10.0.0.5\nNETMASK=255.255.252.0\nGATEWAY=10.0.0.1\nDNS1=10.0.0.1\n"
          "DNS2=10.0.0.2\n");
    CHECK(root.text("/etc/resolv.conf") == "nameserver 10.0.0.1\nnameserver 10.0.0.2\n");
    CHECK(root.text("/etc/sysconfig/network-scripts/ifcfg-lo") == "DEVICE=lo\n");
}

TEST_CASE("Network: ifcfg of EL7, whose cards have names of their own")
{
    if (getuid() != 0) return;
    GuestRoot root;
    root.file("/etc/os-release", "ID=\"centos\"\nVERSION_ID=\"7\"\n");
    root.file("/etc/sysconfig/network-scripts/ifup", "", 0755);
    root.apply({});
    CHECK(root.text("/etc/sysconfig/network-scripts/ifcfg-vmbatch") ==
          "NAME=vmbatch\nTYPE=Ethernet\nONBOOT=yes\nBOOTPROTO=dhcp\n");
}

TEST_CASE("Network: NetworkManager's keyfiles")
{
    if (getuid() != 0) return;
    GuestRoot root;
    root.file("/usr/sbin/NetworkManager", "", 0755);
    const std::string folder = "/etc/NetworkManager/system-connections/";
    root.file(folder + "old.nmconnection", "[connection]\n", 0600);
    root.apply({});
    CHECK(root.tree().list(folder).empty());
    root.apply(fixed());
    CHECK(root.tree().entry(folder + "vmbatch.nmconnection")->mode == 0600);
    CHECK(root.text(folder + "vmbatch.nmconnection") ==
          "[connection]\nid=vmbatch\ntype=ethernet\nautoconnect=true\n\n[ethernet]\n"
          "mac-address=52:54:00:12:34:56\n\n[ipv4]\nmethod=manual\naddress1=10.0.0.5/22,10.0.0.1\n"
          "dns=10.0.0.1;10.0.0.2;\n\n[ipv6]\nmethod=auto\n");
}

TEST_CASE("Network: netplan")
{
    if (getuid() != 0) return;
    GuestRoot root;
    root.file("/usr/sbin/netplan", "", 0755);
    root.apply({});
    CHECK(root.text("/etc/netplan/90-vmbatch.yaml") == "network:\n  version: 2\n  ethernets:\n    vmbatch:\n "
                                                       "     match: {name: \"e*\"}\n      dhcp4: true\n");
    root.tree().remove("/etc/netplan/90-vmbatch.yaml");
    root.file("/etc/netplan/50-cloud-init.yaml", "network: {version: 2}\n");
    root.link("/etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf");
    CHECK(root.plan({}).empty()); // the image's own stands
    root.apply(fixed());
    CHECK(root.tree().list("/etc/netplan") == std::vector<std::string>{"90-vmbatch.yaml"});
    CHECK(root.text("/etc/netplan/90-vmbatch.yaml") ==
          "network:\n  version: 2\n  ethernets:\n    vmbatch:\n      match: {macaddress: "
          "\"52:54:00:12:34:56\"}\n"
          "      addresses: [\"10.0.0.5/22\"]\n      routes: [{to: \"0.0.0.0/0\", via: \"10.0.0.1\"}]\n"
          "      nameservers: {addresses: [\"10.0.0.1\", \"10.0.0.2\"]}\n");
    CHECK(root.target("/etc/resolv.conf") == "../run/systemd/resolve/stub-resolv.conf");
}

TEST_CASE("Network: systemd-networkd")
{
    if (getuid() != 0) return;
    GuestRoot root;
    lay_out_debian(root);
    root.file("/usr/lib/systemd/systemd-networkd", "", 0755);
    root.file("/usr/lib/systemd/system/systemd-networkd.service", "[Install]\nWantedBy=multi-user.target\n");
    root.apply({});
    CHECK(root.text("/etc/systemd/network/05-vmbatch.network") ==
          "[Match]\nName=e*\n\n[Network]\nDHCP=yes\n");
    CHECK(root.target("/etc/systemd/system/multi-user.target.wants/systemd-networkd.service") ==
          "/usr/lib/systemd/system/systemd-networkd.service");
    root.apply(fixed());
    CHECK(root.text("/etc/systemd/network/05-vmbatch.network") ==
          "[Match]\nMACAddress=52:54:00:12:34:56\n\n[Network]\nAddress=10.0.0.5/22\nGateway=10.0.0.1\n"
          "DNS=10.0.0.1\nDNS=10.0.0.2\n");
}

TEST_CASE("Network: /etc/network/interfaces")
{
    if (getuid() != 0) return;
    GuestRoot root;
    lay_out_debian(root);
    root.file("/usr/sbin/ifup", "", 0755);
    root.file("/etc/network/interfaces", "source /etc/network/interfaces.d/*\n");
    root.apply({});
    CHECK(root.text("/etc/network/interfaces") ==
          "auto lo\niface lo inet loopback\n\nauto /e*/1=vmbatch\niface vmbatch inet dhcp\n");
    root.file("/etc/network/interfaces.d/eth0", "iface eth0 inet dhcp\n");
    root.apply(fixed());
    CHECK(
        root.text("/etc/network/interfaces") ==
        "auto lo\niface lo inet loopback\n\nauto /mac/52:54:00:12:34:56=vmbatch\niface vmbatch inet static\n"
        "    address 10.0.0.5\n    netmask 255.255.252.0\n    gateway 10.0.0.1\n"
        "    dns-nameservers 10.0.0.1 10.0.0.2\n");
    CHECK(root.tree().list("/etc/network/interfaces.d").empty());
    root.tree().remove("/usr/lib/os-release");
    root.file("/etc/debian_version", "7.11\n");
    root.apply(fixed());
    CHECK(root.text("/etc/network/interfaces").find("auto eth0\niface eth0 inet static\n") !=
          std::string::npos);
}

TEST_CASE("Network: a guest whose network nobody knows")
{
    GuestRoot root;
    CHECK(root.plan({}).empty());
    CHECK(message_of([&] { root.plan(fixed()); }).find("fixed address") != std::string::npos);
}
