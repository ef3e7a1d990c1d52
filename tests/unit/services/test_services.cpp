// Services on and off: systemd as systemctl, SysV as chkconfig and update-rc.d, upstart.
#include <chrono>

#include <unistd.h>

#include <catch2/catch.hpp>

#include <ctx/base/process.hpp>

#include "../edit/guest_fixture.hpp"
#include "services/init_script.hpp"
#include "services/unit_file.hpp"
#include "services/upstart_services.hpp"

namespace {

using Names = std::vector<std::string>;

ctx::Context on(const Names& names)
{
    ctx::Context context;
    context.services.enable = names;
    return context;
}

ctx::Context off(const Names& names)
{
    ctx::Context context;
    context.services.disable = names;
    return context;
}

const std::string units = "/lib/systemd/system";

// Debian's units, with what Debian enables at their installation.
void lay_out_units(GuestRoot& root)
{
    lay_out_debian(root);
    root.file(units + "/cron.service",
              "[Unit]\nDescription=x\n[Service]\nExecStart=/x\n[Install]\nWantedBy=multi-user.target\n");
    root.file(units + "/ssh.service", "[Install]\nWantedBy=multi-user.target\nAlias=sshd.service\n");
    root.link("/etc/systemd/system/multi-user.target.wants/cron.service", units + "/cron.service");
    root.link("/etc/systemd/system/multi-user.target.wants/ssh.service", units + "/ssh.service");
    root.link("/etc/systemd/system/sshd.service", units + "/ssh.service");
    root.file(units + "/getty@.service", "[Install]\nWantedBy=getty.target\nDefaultInstance=tty1\n");
    root.file(units + "/job@.service", "[Install]\nWantedBy=queue-%i.target\n");
    root.file(units + "/static.service", "[Service]\nExecStart=/x\n");
    root.link(units + "/masked.service", "/dev/null");
    root.file(units + "/cups.service", "[Install]\nAlso=cups.socket cups.path\nRequiredBy=printer.target\n");
    root.file(units + "/cups.socket", "[Install]\nAlso=cups.service\nWantedBy=sockets.target\n");
    root.file(units + "/systemd-journal-flush.service", "[Service]\nExecStart=/x\n");
    root.link(units + "/sysinit.target.wants/systemd-journal-flush.service",
              "../systemd-journal-flush.service");
}

} // namespace

TEST_CASE("Unit files: what [Install] says")
{
    const auto install =
        ctx::parse_install("[Unit]\nWantedBy=no.target\n[Install]\n# x\nWantedBy = a.target \\\n"
                           "  ; between\n b.target\nWantedBy=c.target\nAlias=%p-x.service ../bad\n"
                           "\n[Service]\nAlias=no.service\n",
                           "foo@bar.service");
    CHECK(install.wanted_by == Names{"a.target", "b.target", "c.target"});
    CHECK(install.aliases == Names{"foo-x.service"});
    CHECK(ctx::parse_install("[Install]\nWantedBy=a\nWantedBy=\nWantedBy=%i.target\n", "foo@bar.service")
              .wanted_by == Names{"bar.target"});
    CHECK(ctx::template_of("foo@bar.service") == "foo@.service");
    CHECK(ctx::template_of("foo@.service").empty());
    CHECK(ctx::template_of("foo.service").empty());
    CHECK(ctx::unit_name("cron") == "cron.service");
    CHECK(ctx::unit_name("x.socket") == "x.socket");
    CHECK(ctx::unit_name("python3.11") == "python3.11.service");
}

TEST_CASE("Services: systemd")
{
    if (getuid() != 0) return;
    GuestRoot root;
    lay_out_units(root);
    const std::string wants = "/etc/systemd/system/multi-user.target.wants/";

    SECTION("off: its links go")
    {
        root.apply(off({"cron", "ssh", "not-there"}));
        CHECK(root.tree().list("/etc/systemd/system/multi-user.target.wants").empty());
        CHECK(!root.tree().entry("/etc/systemd/system/sshd.service"));
        CHECK(root.text("/etc/systemd/system-preset/00-vmbatch.preset") ==
              "disable cron.service\ndisable ssh.service\ndisable not-there.service\n");
        // and on again
        root.apply(on({"cron"}));
        CHECK(root.target(wants + "cron.service") == "/usr/lib/systemd/system/cron.service");
    }
    SECTION("on: as its [Install] says, under the names of this guest")
    {
        root.apply(on({"cups", "getty@tty5", "getty@", "job@q", "static", "sshd"}));
        CHECK(root.target("/etc/systemd/system/printer.target.requires/cups.service") ==
              units + "/cups.service");
        CHECK(root.target("/etc/systemd/system/sockets.target.wants/cups.socket") == units + "/cups.socket");
        CHECK(root.target("/etc/systemd/system/getty.target.wants/getty@tty5.service") ==
              units + "/getty@.service");
        CHECK(root.target("/etc/systemd/system/getty.target.wants/getty@tty1.service") ==
              units + "/getty@.service");
        CHECK(root.target("/etc/systemd/system/queue-q.target.wants/job@q.service") ==
              units + "/job@.service");
        CHECK(root.target(wants + "static.service") == units + "/static.service");
    }
    SECTION("off with what goes with it")
    {
        root.apply(on({"cups"}));
        root.apply(off({"cups"}));
        CHECK(root.tree().list("/etc/systemd/system/printer.target.requires").empty());
        CHECK(root.tree().list("/etc/systemd/system/sockets.target.wants").empty());
    }
    SECTION("a part of the system is masked")
    {
        root.apply(off({"systemd-journal-flush"}));
        CHECK(root.target("/etc/systemd/system/systemd-journal-flush.service") == "/dev/null");
        CHECK(message_of([&] { root.plan(on({"systemd-journal-flush"})); }).find("masked") !=
              std::string::npos);
    }
    SECTION("refused")
    {
        CHECK(message_of([&] { root.plan(on({"masked"})); }).find("masked in this image") !=
              std::string::npos);
        CHECK(message_of([&] { root.plan(on({"job@"})); }).find("needs an instance") != std::string::npos);
        CHECK(message_of([&] { root.plan(on({"nothing"})); }).find("no service 'nothing'") !=
              std::string::npos);
    }
    SECTION("a drop-in of the image counts")
    {
        root.file("/etc/systemd/system/cups.service.d/when.conf",
                  "[Install]\nRequiredBy=\nWantedBy=multi-user.target\n");
        root.apply(on({"cups"}));
        CHECK(root.target(wants + "cups.service") == units + "/cups.service");
        CHECK(!root.tree().entry("/etc/systemd/system/printer.target.requires"));
    }
    SECTION("sshd is on where somebody is to log in")
    {
        root.apply(off({"ssh"}));
        ctx::Context context;
        context.root_ssh_keys = {"ssh-ed25519 AAAA x"};
        root.apply(context);
        CHECK(root.target(wants + "ssh.service").ends_with("/ssh.service"));
        CHECK(root.target("/etc/systemd/system/sshd.service").ends_with("/ssh.service"));
    }
}

TEST_CASE("Services: systemctl itself makes the same links")
{
    const char* systemctl = "/usr/bin/systemctl";
    if (getuid() != 0 || !std::filesystem::exists(systemctl)) return;
    const Names names = {"cups", "getty@tty5.service", "ssh", "cron"};
    const auto links = [](GuestRoot& root) {
        std::map<std::string, std::string> result;
        const std::filesystem::path folder = root.on_host("/etc/systemd/system");
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
            if (entry.is_symlink())
                result[entry.path().lexically_relative(folder)] =
                    std::filesystem::path(std::filesystem::read_symlink(entry.path())).filename();
        return result;
    };
    for (const bool enable : {true, false}) {
        GuestRoot ours;
        GuestRoot theirs;
        lay_out_units(ours);
        lay_out_units(theirs);
        ours.apply(enable ? on(names) : off(names));
        Names argv = {systemctl, "--root=" + theirs.on_host("/").string(), "--quiet",
                      enable ? "enable" : "disable"};
        argv.insert(argv.end(), names.begin(), names.end());
        ctx::ProcessSpec spec;
        spec.argv = argv;
        spec.environment = {"SYSTEMCTL_SKIP_SYSV=1", "PATH=/usr/bin:/bin"};
        ctx::run_checked(spec, ctx::Deadline::in(std::chrono::minutes(2)));
        CHECK(links(ours) == links(theirs));
    }
}

namespace {

const std::string sshd_script =
    "#!/bin/bash\n#\n# sshd\tStart up the OpenSSH server daemon\n#\n# chkconfig: 2345 55 25\n"
    "# description: SSH is a protocol for secure remote shell access. \\\n"
    "### BEGIN INIT INFO\n# Provides: sshd\n# Required-Start: $local_fs $network $syslog\n"
    "# Default-Start: 2 3 4 5\n# Default-Stop: 0 1 6\n### END INIT INFO\n";

// CentOS 6 and SLC 5: /etc/init.d and /etc/rc?.d are links into /etc/rc.d.
void lay_out_red_hat(GuestRoot& root, const char* release, bool with_upstart)
{
    root.file("/etc/redhat-release", release);
    root.file("/sbin/init", "", 0755);
    root.file("/etc/inittab", "id:3:initdefault:\n");
    if (with_upstart) {
        root.file("/sbin/initctl", "", 0755);
        root.file("/etc/init/rc.conf", "start on runlevel [0123456]\n");
        root.file("/etc/init/serial.conf", "# serial\nstart on (fedora.serial-console-available *\n  or x)\n"
                                           "stop on runlevel [016]\nexec /x\n");
    }
    root.file("/etc/rc.d/init.d/sshd", sshd_script, 0755);
    root.file("/etc/rc.d/init.d/ntpd", "#!/bin/bash\n# chkconfig: - 58 74\n", 0755);
    root.file("/etc/rc.d/init.d/plain", "#!/bin/bash\n", 0755);
    root.link("/etc/init.d", "rc.d/init.d");
    for (const char level : std::string("0123456")) {
        const bool up = level >= '2' && level <= '5';
        root.link(fmt::format("/etc/rc.d/rc{}.d/{}sshd", level, up ? "S55" : "K25"), "../init.d/sshd");
        root.link(fmt::format("/etc/rc{}.d", level), fmt::format("rc.d/rc{}.d", level));
    }
}

Names links_in(GuestRoot& root, const std::string& folder)
{
    Names names;
    for (const std::string& name : root.tree().list(folder))
        names.push_back(name + " " + root.target(folder + "/" + name));
    return names;
}

} // namespace

TEST_CASE("Services: the heads of init scripts")
{
    const ctx::InitScript script = ctx::parse_init_script(sshd_script);
    REQUIRE(script.chkconfig);
    CHECK(script.chkconfig->levels == "2345");
    CHECK(script.chkconfig->start == 55);
    CHECK(script.chkconfig->stop == 25);
    REQUIRE(script.lsb);
    CHECK(script.lsb->required_start == Names{"$local_fs", "$network", "$syslog"});
    CHECK(script.lsb->default_stop == Names{"0", "1", "6"});
    CHECK(ctx::parse_init_script("# chkconfig: - 58 74\n").chkconfig->levels.empty());
    CHECK(!ctx::parse_init_script("# chkconfig: 2345 955 2\n").chkconfig);
    CHECK(!ctx::parse_init_script("# chkconfig: ../x 5 2\n").chkconfig);
    CHECK(
        ctx::parse_init_script("### BEGIN INIT INFO\n# Default-Start: ../../x 2 33 S\n").lsb->default_start ==
        Names{"2", "S"});
}

// The rules are those of chkconfig(8): "on" and "off" are for the runlevels 2 to 5, --add makes a kill link
// where a level is not the script's.
TEST_CASE("Services: chkconfig's links in CentOS 6 and SLC 5")
{
    if (getuid() != 0) return;
    for (const char* release :
         {"CentOS release 6.10 (Final)\n", "Scientific Linux CERN SLC release 5.11 (Boron)\n"}) {
        GuestRoot root;
        lay_out_red_hat(root, release, std::string(release).starts_with("CentOS"));
        root.apply(on({"ntpd", "sshd"}));
        CHECK(links_in(root, "/etc/rc.d/rc3.d") == Names{"S55sshd ../init.d/sshd", "S58ntpd ../init.d/ntpd"});
        CHECK(links_in(root, "/etc/rc.d/rc6.d") == Names{"K25sshd ../init.d/sshd", "K74ntpd ../init.d/ntpd"});
        root.apply(off({"ntpd", "sshd"}));
        for (const char level : std::string("0123456"))
            CHECK(links_in(root, fmt::format("/etc/rc.d/rc{}.d", level)) ==
                  Names{"K25sshd ../init.d/sshd", "K74ntpd ../init.d/ntpd"});
        CHECK(root.plan(off({"ntpd", "sshd"})).empty());
        CHECK(message_of([&] { root.plan(on({"plain"})); }).find("no line '# chkconfig:'") !=
              std::string::npos);
        CHECK(message_of([&] { root.plan(on({"nothing"})); }).find("no service") != std::string::npos);
    }
}

TEST_CASE("Services: update-rc.d itself makes the same links")
{
    const char* update_rc = "/usr/sbin/update-rc.d";
    // update-rc.d looks for the script's head in this host's own /etc/init.d, whatever root it works on.
    std::string known;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator("/etc/init.d", none))
        if (entry.is_regular_file() && entry.file_size() > 0) known = entry.path().filename();
    if (getuid() != 0 || !std::filesystem::exists(update_rc) || known.empty()) return;
    // These it would call, and they know this host's root alone.
    for (const char* other : {"/sbin/insserv", "/usr/lib/insserv/insserv", "/sbin/openrc"})
        if (std::filesystem::exists(other)) return;
    const auto lay_out = [&](GuestRoot& root, bool with_links) {
        root.file("/sbin/init", "", 0755);
        root.file("/etc/inittab", "id:2:initdefault:\n");
        root.file("/etc/init.d/" + known,
                  "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: x\n# Default-Start:     2 3 4 5\n"
                  "# Default-Stop:\n### END INIT INFO\n",
                  0755);
        root.file("/etc/init.d/vmbatch-test",
                  "#!/bin/sh\n### BEGIN INIT INFO\n# Default-Start:  2 3\n# Default-Stop: 0 1 6\n"
                  "### END INIT INFO\n",
                  0755);
        for (const char level : std::string("0123456S")) root.folder(fmt::format("/etc/rc{}.d", level));
        for (const char level : std::string("2345"))
            if (with_links) root.link(fmt::format("/etc/rc{}.d/S03{}", level, known), "../init.d/" + known);
    };
    const auto all = [](GuestRoot& root) {
        Names names;
        for (const char level : std::string("0123456S"))
            for (const std::string& link : links_in(root, fmt::format("/etc/rc{}.d", level)))
                names.push_back(fmt::format("rc{}.d/{}", level, link));
        return names;
    };
    const auto theirs_do = [&](GuestRoot& root, const Names& words) {
        ctx::ProcessSpec spec;
        spec.argv = {update_rc};
        spec.argv.insert(spec.argv.end(), words.begin(), words.end());
        spec.environment = {"DPKG_ROOT=" + root.on_host("/").string(), "_SKIP_SYSTEMD_NATIVE=1",
                            "PATH=/usr/bin:/bin"};
        ctx::run_checked(spec, ctx::Deadline::in(std::chrono::minutes(2)));
    };
    GuestRoot ours;
    GuestRoot theirs;
    lay_out(ours, true);
    lay_out(theirs, true);
    ours.apply(off({known}));
    theirs_do(theirs, {known, "disable", "2", "3", "4", "5"});
    CHECK(all(ours) == all(theirs));
    CHECK(all(ours)[0] == fmt::format("rc2.d/K03{0} ../init.d/{0}", known));
    ours.apply(on({known, "vmbatch-test"}));
    theirs_do(theirs, {known, "enable", "2", "3", "4", "5"});
    theirs_do(theirs, {"vmbatch-test", "defaults"});
    CHECK(all(ours) == all(theirs));
}

TEST_CASE("Services: upstart")
{
    if (getuid() != 0) return;
    GuestRoot ubuntu;
    ubuntu.file("/sbin/init", "", 0755);
    ubuntu.file("/sbin/initctl", "", 0755);
    ubuntu.file("/etc/init/rc-sysinit.conf", "start on filesystem\n");
    ubuntu.file("/etc/init/cron.conf", "start on runlevel [2345]\nexec cron\n");
    ubuntu.apply(off({"cron"}));
    CHECK(ubuntu.text("/etc/init/cron.override") == "manual\n");
    ubuntu.apply(on({"cron"}));
    CHECK(!ubuntu.tree().entry("/etc/init/cron.override"));
    ubuntu.file("/etc/init/cron.override", "nice 5\n\tmanual\n");
    ubuntu.apply(on({"cron"}));
    CHECK(ubuntu.text("/etc/init/cron.override") == "nice 5\n");

    // EL6's upstart knows no overrides.
    GuestRoot centos;
    lay_out_red_hat(centos, "CentOS release 6.10 (Final)\n", true);
    centos.apply(off({"serial"}));
    CHECK(centos.text("/etc/init/serial.conf") == "# serial\nstop on runlevel [016]\nexec /x\n");
    CHECK(ctx::without_start_on("start on x \\\n or y\nexec z") == "exec z");
}
