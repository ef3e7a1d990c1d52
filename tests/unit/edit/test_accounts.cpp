// Users, groups, keys and the host's name, as edits.
#include <unistd.h>

#include <catch2/catch.hpp>

#include "guest_fixture.hpp"

namespace {

ctx::Context with_user(const ctx::User& user)
{
    ctx::Context context;
    context.users = {user};
    return context;
}

ctx::User alice()
{
    ctx::User user;
    user.name = "alice";
    user.uid = 5001;
    user.group = {"physics", 5000};
    user.home = "/home/alice";
    return user;
}

std::string refusal(const GuestRoot& root, const ctx::User& user)
{
    return message_of([&] { root.plan(with_user(user)); });
}

} // namespace

TEST_CASE("Edits: a new user with groups old and new, and a home from the skeleton")
{
    if (getuid() != 0) return; // owners are root's to set
    GuestRoot root;
    lay_out_debian(root);
    ctx::User user = alice();
    user.groups = {{"adm", 4}, {"atlas", 6000}, {"people", 100}};
    root.apply(with_user(user));

    CHECK(root.text("/etc/passwd").ends_with("debian:/bin/bash\nalice:x:5001:5000::/home/alice:/bin/bash\n"));
    CHECK(root.text("/etc/shadow").ends_with("\nalice:*::0:99999:7:::\n"));
    // gid 100 is called users here: used under that name
    CHECK(root.text("/etc/group") == "root:x:0:\nadm:x:4:debian,alice\nsudo:x:27:debian\nusers:x:100:alice\n"
                                     "debian:x:1000:\nphysics:x:5000:\natlas:x:6000:alice\n");
    CHECK(root.text("/etc/gshadow") == "root:*::\nadm:*::debian,alice\nsudo:*::debian\nusers:*::alice\n"
                                       "debian:!::\nphysics:!::\natlas:!::alice\n");
    CHECK(root.tree().entry("/etc/shadow")->mode == 0640);
    CHECK(root.tree().entry("/etc/gshadow")->mode == 0640);
    for (const char* path : {"/home/alice", "/home/alice/.bashrc", "/home/alice/.config",
                             "/home/alice/.config/x", "/home/alice/.link"}) {
        CAPTURE(path);
        const auto entry = root.tree().entry(path);
        REQUIRE(entry);
        CHECK(entry->uid == 5001);
        CHECK(entry->gid == 5000);
    }
    CHECK(root.tree().entry("/home/alice")->mode == 0755);
    CHECK(root.tree().entry("/home")->uid == 0);
    CHECK(root.tree().entry("/home/alice/.config/x")->mode == 0600);
    CHECK(root.target("/home/alice/.link") == ".bashrc");

    // Once more: all is there already.
    CHECK(root.plan(with_user(user)).empty());
}

TEST_CASE("Edits: homes as the guest's useradd makes them")
{
    GuestRoot root;
    lay_out_debian(root);
    const auto mode_with = [&](const std::string& definitions) {
        root.file("/etc/login.defs", definitions);
        for (const ctx::Edit& edit : root.plan(with_user(alice()))) {
            const auto* made = std::get_if<ctx::edit::MakeDirectory>(&edit.action);
            if (made != nullptr && made->path == "/home/alice") return made->mode;
        }
        return mode_t(0);
    };
    CHECK(mode_with("UMASK 077\n") == 0700);
    CHECK(mode_with("HOME_MODE\t0750  \nUMASK 077\n") == 0750);
    CHECK(mode_with("UMASK nonsense\n") == 0755);
}

TEST_CASE("Edits: an account that is there is adopted or refused")
{
    GuestRoot root;
    lay_out_debian(root);
    root.tree().remove("/etc/ssh/sshd_config");
    ctx::User user = alice();
    user.name = "debian";
    CHECK(refusal(root, user) == "user debian has uid 1000 in this image, and 5001 is asked for");
    user.uid = 1000;
    user.group = {"debian", 1000};
    CHECK(root.plan(with_user(user)).empty());
    user.name = "bob";
    CHECK(refusal(root, user) == "uid 1000, asked for bob, belongs to debian in this image");
    user = alice();
    user.group = {"adm", 5000};
    CHECK(refusal(root, user) == "group adm has gid 4 in this image, and 5000 is asked for");
    user = alice();
    user.home = "/home/a:b";
    CHECK(refusal(root, user).find("colon") != std::string::npos);
}

TEST_CASE("Edits: guests without shadow files or the shell")
{
    GuestRoot root;
    root.file("/etc/passwd", "root::0:0::/:/bin/sh\n+::::::\nbroken\nhuge:x:99999999999:0::/:\n");
    root.file("/etc/group", "root:x:0:");
    const ctx::EditPlan plan = root.plan(with_user(alice()));
    ctx::apply_plan({plan[0]}, root.tree());
    CHECK(root.text("/etc/passwd").ends_with("\nalice:*:5001:5000::/home/alice:/bin/sh\n"));
    CHECK(plan[0].reason.find("/bin/bash is not in this image") != std::string::npos);
}

TEST_CASE("Edits: a home on a mount is not made on the disk")
{
    GuestRoot root;
    lay_out_debian(root);
    ctx::Context context = with_user(alice());
    context.mounts = {{"10.0.2.2:/home", "/home", "nfs4", ""}};
    for (const ctx::Edit& edit : root.plan(context)) CHECK(ctx::edit_path(edit.action) != "/home/alice");
    context.files = {{"/home/alice/x", "x", std::nullopt, 0644, {}}};
    CHECK(message_of([&] { root.plan(context); }).find("mounts at /home") != std::string::npos);
}

TEST_CASE("Edits: keys and sshd")
{
    if (getuid() != 0) return;
    GuestRoot root;
    lay_out_debian(root);
    ctx::Context context;
    context.root_ssh_keys = {"ssh-ed25519 AAAAroot admin"};
    context.host_key = sample_context().host_key;
    CHECK(root.facts(context).sshd_version == "9.2");
    root.apply(context);
    CHECK(root.text("/etc/ssh/sshd_config") ==
          "HostKey /etc/ssh/ssh_host_ed25519_key\n"
          "AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/vmbatch-keys/%u\nAcceptEnv SHLVL\n"
          "PermitRootLogin prohibit-password\nInclude /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n");
    CHECK(root.tree().list("/etc/ssh") == std::vector<std::string>{"ssh_host_ed25519_key",
                                                                   "ssh_host_ed25519_key.pub", "sshd_config",
                                                                   "vmbatch-keys"});
    CHECK(root.tree().entry("/etc/ssh/ssh_host_ed25519_key")->mode == 0600);
    CHECK(root.text("/etc/ssh/vmbatch-keys/root") == "ssh-ed25519 AAAAroot admin\n");

    root.file("/usr/sbin/sshd", std::string("\0OpenSSH_4.3p2\0OpenSSH_3.*", 25), 0755);
    root.file("/etc/ssh/sshd_config", "Protocol 2\n");
    root.apply(context);
    CHECK(root.text("/etc/ssh/sshd_config") ==
          "HostKey /etc/ssh/ssh_host_ed25519_key\nAuthorizedKeysFile /etc/ssh/vmbatch-keys/%u\n"
          "AuthorizedKeysFile2 .ssh/authorized_keys\nAcceptEnv SHLVL\nPermitRootLogin without-password\n"
          "Protocol 2\n");
}

TEST_CASE("Edits: the host's name")
{
    if (getuid() != 0) return;
    GuestRoot root;
    lay_out_debian(root);
    root.file("/etc/sysconfig/network", "NETWORKING=yes\nHOSTNAME=localhost.localdomain\n");
    ctx::Context context;
    context.hostname = "wn-7.site.example";
    root.apply(context);
    CHECK(root.text("/etc/hostname") == "wn-7.site.example\n");
    CHECK(root.text("/etc/sysconfig/network") == "NETWORKING=yes\nHOSTNAME=wn-7.site.example\n");
    CHECK(root.text("/etc/hosts") ==
          "127.0.0.1 localhost\n::1 ip6-localhost\n127.0.1.1 wn-7.site.example wn-7\n");
}

TEST_CASE("Edits: files, directories, environment")
{
    if (getuid() != 0) return;
    GuestRoot root;
    lay_out_debian(root);
    ctx::Context context = with_user(alice());
    context.directories = {{"/scratch/job", 0700, {"alice", "physics"}}, {"/etc", 0700, {}}};
    context.files = {{"/opt/job/run", "#!/bin/sh\n", std::nullopt, 0755, {"alice", "5000"}},
                     {"/opt/job/passwd", std::nullopt, "/etc/passwd", 0600, {}}};
    context.environment = {{"WORD", "it's"}};
    root.apply(context);
    CHECK(root.tree().entry("/scratch/job")->mode == 0700);
    CHECK(root.tree().entry("/scratch/job")->uid == 5001);
    CHECK(root.tree().entry("/scratch")->uid == 0);
    CHECK(root.tree().entry("/etc")->mode == 0755); // was there
    CHECK(root.tree().entry("/opt/job/run")->mode == 0755);
    CHECK(root.tree().entry("/opt/job/run")->gid == 5000);
    CHECK(root.text("/opt/job/passwd") == ctx::read_file("/etc/passwd", 1 << 20));
    CHECK(root.text("/etc/profile.d/vmbatch.sh") == "export WORD='it'\\''s'\n");

    context.files = {{"/etc", "x", std::nullopt, 0644, {}}};
    CHECK(message_of([&] { root.plan(context); }).find("a directory where a file") != std::string::npos);
    context.files = {{"/x", "x", std::nullopt, 0644, {"nobody-here", "root"}}};
    CHECK(message_of([&] { root.plan(context); }).find("no user 'nobody-here'") != std::string::npos);
}
