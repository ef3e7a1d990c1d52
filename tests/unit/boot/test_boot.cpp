// What an edited guest does at its boot, and what it forgets of the machine it was made on.
#include <unistd.h>

#include <catch2/catch.hpp>

#include "../edit/guest_fixture.hpp"
#include "boot/plan_boot.hpp"

namespace {

ctx::Context with_boot()
{
    ctx::Context context;
    context.share = ctx::Mount{"10.0.2.2:/vmbatch", "/vmbatch", "nfs4", "port=12049"};
    context.mounts = {{"10.0.2.2:/home", "/home", "nfs4", ""}};
    context.commands = {{ctx::Command::When::early, "echo 'first'"}, {ctx::Command::When::late, "echo last"}};
    context.ready = ctx::ReadyReport{"0123456789abcdef0123456789abcdef", "/vmbatch/ready", "alice"};
    ctx::User alice;
    alice.name = "alice";
    alice.uid = 5001;
    alice.group = {"physics", 5000};
    alice.home = "/home/alice";
    context.users = {alice};
    return context;
}

} // namespace

TEST_CASE("Boot: systemd")
{
    if (getuid() != 0) return;
    GuestRoot root;
    lay_out_debian(root);
    root.apply(with_boot());
    const std::string script = root.text("/etc/vmbatch/setup");
    CHECK(root.tree().entry("/etc/vmbatch/setup")->mode == 0700);
    CHECK(script.ends_with(
        "begin_early\nearly_command '1' 'echo '\\''first'\\'''\nend_early\n"
        "mount_there '10.0.2.2:/vmbatch' '/vmbatch' 'nfs4' 'port=12049'\n"
        "report_to '/vmbatch/ready' '0123456789abcdef0123456789abcdef' 'alice' '5001' '5000'\n"
        "require_early\nmount_there '10.0.2.2:/home' '/home' 'nfs4' ''\n"
        "make_home 'alice' '5001' '5000' '/home/alice'\nrun_command 'late' '1' 'echo last'\n"
        "finish\n"));
    CHECK(root.target("/etc/systemd/system/sysinit.target.wants/vmbatch-early.service") ==
          "/etc/systemd/system/vmbatch-early.service");
    CHECK(root.target("/etc/systemd/system/multi-user.target.wants/vmbatch.service") ==
          "/etc/systemd/system/vmbatch.service");
    CHECK(
        root.text("/etc/systemd/system/vmbatch.service") ==
        "[Unit]\nDescription=VmBatch: mounts, commands and the report\nWants=network-online.target\n"
        "After=network-online.target vmbatch-early.service\n\n[Service]\nType=oneshot\nRemainAfterExit=yes\n"
        "TimeoutStartSec=infinity\nRuntimeDirectory=vmbatch\nRuntimeDirectoryMode=0700\n"
        "ExecStart=/bin/sh /etc/vmbatch/setup / /run/vmbatch all\n\n[Install]\nWantedBy=multi-user.target\n");
}

TEST_CASE("Boot: init scripts, and rc.local where there is no more")
{
    if (getuid() != 0) return;
    GuestRoot sysv;
    sysv.file("/etc/redhat-release", "Scientific Linux CERN SLC release 5.11 (Boron)\n");
    sysv.file("/sbin/init", "", 0755);
    sysv.file("/etc/inittab", "id:3:initdefault:\n");
    sysv.folder("/etc/rc.d/rc3.d");
    sysv.apply(with_boot());
    CHECK(sysv.target("/etc/rc.d/rc3.d/S99vmbatch") == "../init.d/vmbatch");
    CHECK(sysv.tree().entry("/etc/rc.d/init.d/vmbatch")->mode == 0755);
    CHECK(sysv.text("/etc/rc.d/init.d/vmbatch")
              .ends_with(
                  "rm -rf /var/run/vmbatch && mkdir -p /var/run/vmbatch && chmod 0700 /var/run/vmbatch && "
                  "/bin/sh /etc/vmbatch/setup / /var/run/vmbatch all\n"));

    GuestRoot small;
    small.apply(with_boot());
    CHECK(small.tree().entry("/etc/rc.local")->mode == 0755);
    CHECK(ctx::with_local_command("", "x") == "#!/bin/sh\nx\n");
    CHECK(ctx::with_local_command("#!/bin/sh -e\ny\nexit 0\n\n", "x") == "#!/bin/sh -e\ny\nx\nexit 0\n");
    CHECK(ctx::with_local_command("#!/bin/sh\ny\nx\n", "x") == "#!/bin/sh\ny\nx\n");
}

TEST_CASE("Boot: a host key is made there if nobody has one")
{
    GuestRoot root;
    lay_out_debian(root);
    const auto has_script = [&] {
        for (const ctx::Edit& edit : root.plan({}))
            if (ctx::edit_path(edit.action) == "/etc/vmbatch/setup") return true;
        return false;
    };
    CHECK(!has_script()); // the image has one
    root.tree().remove("/etc/ssh/ssh_host_rsa_key");
    CHECK(has_script());
}

TEST_CASE("Resets: what an image remembers of its maker's machine")
{
    if (getuid() != 0) return;
    GuestRoot root;
    lay_out_debian(root);
    root.file("/etc/machine-id", "0123456789abcdef0123456789abcdef\n", 0444);
    root.file("/var/lib/dbus/machine-id", "0123456789abcdef0123456789abcdef\n");
    root.file("/var/lib/systemd/random-seed", "x", 0600);
    root.file("/var/lib/dhcp/dhclient.ens3.leases", "lease {}\n");
    root.file("/var/lib/dhcp/other", "x\n");
    root.file("/var/lib/NetworkManager/secret_key", "x", 0600);
    root.apply({});
    CHECK(root.tree().entry("/etc/machine-id")->size == 0);
    CHECK(root.tree().entry("/etc/machine-id")->mode == 0444);
    CHECK(root.tree().list("/var/lib/dbus").empty());
    CHECK(root.tree().list("/var/lib/systemd").empty());
    CHECK(root.tree().list("/var/lib/dhcp") == std::vector<std::string>{"other"});
    CHECK(root.tree().list("/var/lib/NetworkManager").empty());
    root.link("/var/lib/dbus/machine-id", "/etc/machine-id");
    root.apply({});
    CHECK(root.target("/var/lib/dbus/machine-id") == "/etc/machine-id");
}

TEST_CASE("cloud-init is told to leave the guest alone")
{
    if (getuid() != 0) return;
    GuestRoot root;
    lay_out_debian(root);
    root.file("/etc/cloud/cloud.cfg", "users: [default]\n");
    root.apply({});
    CHECK(root.text("/etc/cloud/cloud-init.disabled").empty());
    const ctx::PlanOptions options{ctx::CloudInit::carry_on};
    ctx::apply_plan(ctx::make_plan({}, root.facts({}), options), root.tree());
    CHECK(root.text("/etc/cloud/cloud.cfg.d/99-vmbatch.cfg").find("datasource_list: [None]\n") !=
          std::string::npos);
}
