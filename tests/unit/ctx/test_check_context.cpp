#include <functional>
#include <string>

#include <catch2/catch.hpp>

#include <ctx/context.hpp>

#include "sample.hpp"

using ctx::Context;

TEST_CASE("a context with one of everything passes")
{
    CHECK_NOTHROW(check_context(sample_context()));
    CHECK_NOTHROW(check_context(Context{}));
}

TEST_CASE("what no guest may be told is refused, with its place")
{
    struct Case {
        const char* part; // of the message
        std::function<void(Context&)> spoil;
    };
    const Case cases[] = {
        {"guest.hostname", [](Context& c) { c.hostname = "two words"; }},
        {"guest.hostname", [](Context& c) { c.hostname = "a\nb"; }},
        {"at most 64", [](Context& c) { c.hostname = std::string(60, 'a') + ".site.example"; }},
        {"instance id", [](Context& c) { c.instance_id = "../../etc"; }},
        {"root.ssh_keys", [](Context& c) { c.root_ssh_keys = {"ssh-ed25519 A\nssh-ed25519 B"}; }},
        {"authorized_keys", [](Context& c) { c.root_ssh_keys = {"hello"}; }},
        {"there twice", [](Context& c) { c.users.push_back(c.users[0]); }},
        {"same user number 5001", [](Context& c) { c.users.push_back(c.users[0]), c.users[1].name = "bob"; }},
        {"same group number 5000", [](Context& c) { c.users[0].groups.push_back({"other", 5000}); }},
        {"two numbers, 6000 and 6002", [](Context& c) { c.users[0].groups.push_back({"atlas", 6002}); }},
        {"account's name", [](Context& c) { c.users[0].name = "x; reboot"; }},
        {"account's name", [](Context& c) { c.users[0].group.name = "-g"; }},
        {"root's alone", [](Context& c) { c.users[0].uid = 0; }},
        {"root's alone", [](Context& c) { c.users[0].name = "root"; }},
        {"is no id", [](Context& c) { c.users[0].uid = static_cast<uid_t>(-1); }},
        {"not an absolute path", [](Context& c) { c.users[0].home = "home"; }},
        {"not an absolute path", [](Context& c) { c.users[0].shell = "bash"; }},
        {"without '//', '.', '..'", [](Context& c) { c.users[0].home = "/home/../etc"; }},
        {"not an absolute path", [](Context& c) { c.directories[0].path = "scratch"; }},
        {"without '//', '.', '..'", [](Context& c) { c.files[0].path = "/opt//x"; }},
        {"control characters", [](Context& c) { c.files[0].path = "/opt/\033[2J"; }},
        {"'/' is no file", [](Context& c) { c.files[0].path = "/"; }},
        {"is no mode", [](Context& c) { c.files[0].mode = 0100644; }},
        {"is no owner", [](Context& c) { c.files[0].owner.user = "a b"; }},
        {"either 'content' or 'source'", [](Context& c) { c.files[0].source = "/etc/hostname"; }},
        {"either 'content' or 'source'", [](Context& c) { c.files[0].content.reset(); }},
        {"asked for twice", [](Context& c) { c.files[1].path = c.files[0].path; }},
        {"No such file", [](Context& c) { c.files[1].source = "/nowhere/x"; }},
        {"not a regular file", [](Context& c) { c.files[1].source = "/dev/null"; }},
        {"No such file", [](Context& c) { c.archives[0].source = "/nowhere/x"; }},
        {"not a regular file", [](Context& c) { c.archives[0].source = "/etc"; }},
        {"keeps its own owners", [](Context& c) { c.archives[0].to = "/"; }},
        {"service's name", [](Context& c) { c.services.enable = {"--now"}; }},
        {"both enabled and disabled", [](Context& c) { c.services.enable = {"cron"}; }},
        {"cernvm.amiconfig", [](Context& c) { c.cernvm.amiconfig["a]\n[b"] = {}; }},
        {"write a [[user]]", [](Context& c) { c.cernvm.amiconfig["cernvm"]["users"] = "a:b:c"; }},
        {"follows from the sections", [](Context& c) { c.cernvm.amiconfig["amiconfig"]["plugins"] = "x"; }},
        {"cernvm.amiconfig.squid.x", [](Context& c) { c.cernvm.amiconfig["squid"]["x"] = "50%"; }},
        {"list of proxies", [](Context& c) { c.cernvm.proxy = "http://a%20b:3128"; }},
        {"hardware address",
         [](Context& c) { c.network.fixed = sample_network(), c.network.fixed->mac = "eth0"; }},
        {"with its prefix",
         [](Context& c) { c.network.fixed = sample_network(), c.network.fixed->address = "10.0.0.5"; }},
        {"with its prefix",
         [](Context& c) { c.network.fixed = sample_network(), c.network.fixed->address = "10.0.0.5/33"; }},
        {"IPv4 address",
         [](Context& c) { c.network.fixed = sample_network(), c.network.fixed->gateway = "gw"; }},
        {"IPv4 address",
         [](Context& c) { c.network.fixed = sample_network(), c.network.fixed->dns = {"x\ny"}; }},
        {"take it for an option", [](Context& c) { c.mounts[0].source = "-o"; }},
        {"blanks", [](Context& c) { c.mounts[0].options = "a b"; }},
        {"mount point", [](Context& c) { c.mounts[0].target = "/a b"; }},
        {"over '/'", [](Context& c) { c.mounts[0].target = "/"; }},
        {"file system", [](Context& c) { c.mounts[0].type = ""; }},
        {"on one path", [](Context& c) { c.mounts[0].target = c.share->target; }},
        {"a command is empty", [](Context& c) { c.commands[0].run = " \n"; }},
        {"variable's name", [](Context& c) { c.environment["A B"] = ""; }},
        {"NUL", [](Context& c) { c.environment["A"] = std::string("a\0b", 3); }},
        {"amiconfig", [](Context& c) { c.cernvm.organisations = {"a,b"}; }},
        {"list of proxies", [](Context& c) { c.cernvm.proxy = "a b"; }},
        {"runs its lines as a shell", [](Context& c) { c.cernvm.bootloader["x"] = "$(reboot)"; }},
        {"runs its lines as a shell", [](Context& c) { c.cernvm.bootloader["x"] = "\"; reboot"; }},
        {"OpenSSH's format", [](Context& c) { c.host_key->private_key = "x"; }},
        {"32 hexadecimal digits", [](Context& c) { c.ready->nonce = "x"; }},
        {"does not lie in the share", [](Context& c) { c.ready->path = "/tmp/ready"; }},
        {"does not lie in the share", [](Context& c) { c.share.reset(); }},
    };
    for (const Case& entry : cases) {
        Context context = sample_context();
        entry.spoil(context);
        const std::string message = message_of([&] { check_context(context); });
        CAPTURE(entry.part, message);
        CHECK(message.find(entry.part) != std::string::npos);
        CHECK(message.find('\033') == std::string::npos);
    }
}

TEST_CASE("merge replaces what has the same name and appends the rest")
{
    Context over;
    over.hostname = "other";
    over.users = {sample_context().users[0], sample_context().users[0]};
    over.users[0].uid = 7001;
    over.users[1].name = "bob";
    over.services.enable = {"cron"};
    over.environment = {{"OMP_NUM_THREADS", "4"}, {"NEW", "1"}};
    over.mounts = {{"nfs:/other", "/home", "nfs4", ""}};
    over.files = {{"/x", "x", std::nullopt, 0644, {}}};
    over.commands = {{ctx::Command::When::late, "echo over"}};
    over.cernvm.proxy = "DIRECT";

    const Context both = merge(sample_context(), over);
    CHECK(both.hostname == "other");
    CHECK(both.instance_id == "job-7");
    REQUIRE(both.users.size() == 2);
    CHECK(both.users[0].uid == 7001);
    CHECK(both.users[1].name == "bob");
    CHECK(both.services.enable == std::vector<std::string>{"rpcbind", "cron"});
    CHECK(both.services.disable.empty());
    CHECK(both.environment.at("OMP_NUM_THREADS") == "4");
    CHECK(both.environment.size() == 3);
    REQUIRE(both.mounts.size() == 1);
    CHECK(both.mounts[0].source == "nfs:/other");
    CHECK(both.files.size() == 3);
    CHECK(both.commands.back().run == "echo over");
    CHECK(both.cernvm.proxy == "DIRECT");
    CHECK(both.cernvm.organisations.size() == 2);
    CHECK(both.ready.has_value());
}
