#include <filesystem>
#include <string>

#include <catch2/catch.hpp>

#include <ctx/base/file.hpp>
#include <ctx/context_file.hpp>
#include <ctx/dialect.hpp>

#include "../temporary_directory.hpp"
#include "sample.hpp"

using ctx::Blame;
using ctx::Context;
using ctx::Variables;

namespace {

std::string refusal(const std::string& text, const Variables& variables = {{"job.id", "7"}})
{
    return message_of([&] { ctx::parse_context(text, "c.toml", variables); });
}

} // namespace

TEST_CASE("every table of the context file is read")
{
    const TemporaryDirectory folder;
    ctx::write_file(folder / "run.sh", "#!/bin/sh\n", 0600);
    ctx::write_file(folder / "c.toml", R"(
schema = 1
guest.hostname = "wn-${job.id}"
root.ssh_keys = ["ssh-ed25519 AAAA root"]
[[user]]
name = "alice"
uid = 5001
groups = [{ name = "x", gid = 6000 }]
[[directory]]
path = "/scratch"
mode = "1777"
owner = "alice:5001"
[[file]]
path = "/opt/run.sh"
source = "run.sh"
mode = "0755"
[[file]]
path = "/opt/text"
content = "job ${job.id} $${HOME}"
[[archive]]
source = "run.sh"
to = "/opt/input"
owner = "alice:alice"
[services]
enable = ["a"]
disable = ["b"]
[network]
mode = "static"
mac = "52:54:00:00:00:01"
address = "10.0.0.5/24"
dns = ["10.0.0.1"]
[share]
source = "10.0.2.2:/vmbatch"
mount = "/vmbatch"
options = "port=12049"
[[mount]]
source = "10.0.2.2:/home"
target = "/home"
[[command]]
when = "early"
run = "echo ${HOME}"
[environment]
WORD = "${word}"
[cernvm]
organisations = ["alice"]
proxy = "DIRECT"
[cernvm.ucernvm]
cvmfs_branch = "x.cern.ch"
)",
                    0600);
    // A value that looks like a name is a value all the same: it is not looked into again.
    const Context context =
        ctx::read_context(folder / "c.toml", {{"job.id", "7"}, {"word", "${job.id} $${x}"}});
    CHECK(context.hostname == "wn-7");
    REQUIRE(context.users.size() == 1);
    CHECK(context.users[0].group.name == "alice");
    CHECK(context.users[0].group.gid == 5001);
    CHECK(context.users[0].home == "/home/alice");
    CHECK(context.users[0].groups.at(0).gid == 6000);
    CHECK(context.directories.at(0).mode == 01777);
    CHECK(context.directories.at(0).owner.group == "5001");
    CHECK(context.files.at(0).source == folder / "run.sh");
    CHECK(context.files.at(0).mode == 0755);
    CHECK(context.files.at(1).content == "job 7 ${HOME}");
    CHECK(context.archives.at(0).owner->user == "alice");
    CHECK(context.services.enable == std::vector<std::string>{"a"});
    CHECK(context.services.disable == std::vector<std::string>{"b"});
    CHECK(context.network.fixed->address == "10.0.0.5/24");
    CHECK(context.share->target == "/vmbatch");
    CHECK(context.share->type == "nfs4");
    CHECK(context.mounts.at(0).target == "/home");
    CHECK(context.commands.at(0).when == ctx::Command::When::early);
    CHECK(context.commands.at(0).run == "echo ${HOME}");
    CHECK(context.environment.at("WORD") == "${job.id} $${x}");
    CHECK(context.cernvm.bootloader.at("cvmfs_branch") == "x.cern.ch");
}

TEST_CASE("a refusal names file, line, key and remedy")
{
    CHECK(refusal("") == "the key 'schema' is missing: c.toml");
    CHECK(refusal("schema = 2") == "'schema': 2 is not between 1 and 1: c.toml:1");
    CHECK(refusal("schema = 1\n[geust]\n") == "'geust': no such key; did you mean 'guest'?: c.toml:2");
    CHECK(refusal("schema = 1\n[shar]\n") == "'shar': no such key; did you mean 'share'?: c.toml:2");
    CHECK(refusal("schema = 1\n[guest]\nhostnam = 'x'\n") ==
          "'guest.hostnam': no such key; did you mean 'hostname'?: c.toml:3");
    CHECK(refusal("schema = 1\n[[user]]\nname = 'a'\nuid = 1\nsheel = '/bin/sh'\n") ==
          "'user.sheel': no such key; did you mean 'shell'?: c.toml:5");
    CHECK(refusal("schema = 1\n[[file]]\npath = 'x'\ncontent = ''\n") ==
          "'file.path': 'x' is not an absolute path: c.toml:3");
    CHECK(refusal("schema = 1\n[[file]]\npath = '/x'\ncontent = ''\nmode = '9'\n") ==
          "'file.mode': '9' is no mode; write it in octal, as \"0644\": c.toml:5");
    CHECK(refusal("schema = 1\n[[file]]\npath = '/x'\ncontent = ''\nowner = 'alice'\n").find("user:group") !=
          std::string::npos);
    CHECK(refusal("schema = 1\n[[file]]\npath = '/x'\n").find("either 'content' or 'source'") !=
          std::string::npos);
    CHECK(refusal("schema = 1\n[[file]]\npath = '/x'\nsource = '/nowhere/y'\n") ==
          "'file.source': '/nowhere/y' cannot be read: No such file or directory: c.toml:4");
    CHECK(refusal("schema = 1\n[network]\naddress = '10.0.0.1/24'\n")
              .find("mode = \"static\" only: c.toml:3") != std::string::npos);
    CHECK(refusal("schema = 1\n[network]\nmode = 'statik'\n").find("did you mean 'static'?: c.toml:3") !=
          std::string::npos);
    CHECK(refusal("schema = 1\n[[command]]\nrun = 'echo ${job.id}'\n").find("is not put into a command") !=
          std::string::npos);
    CHECK(refusal("schema = 1\n[environment]\n'A B' = 'x'\n").find("variable's name") != std::string::npos);
    // Rules about several values together have no one line, but the file.
    CHECK(refusal("schema = 1\n[[user]]\nname='a'\nuid=1\n[[user]]\nname='b'\nuid=1\n") ==
          "'a' and 'b' have the same user number 1: c.toml: user 'b'");
}

TEST_CASE("substitution knows its names and nothing else")
{
    const Variables variables = {{"job.id", "7"}, {"x", "$${job.id}"}};
    const auto sub = [&](std::string_view text) {
        return ctx::substitute(text, variables, Blame::user, "f:1");
    };
    CHECK(sub("") == "");
    CHECK(sub("a$b {c} $") == "a$b {c} $");
    CHECK(sub("${job.id}-${x}-${job.id}") == "7-$${job.id}-7");
    CHECK(sub("$${job.id}") == "${job.id}");
    CHECK(message_of([&] { sub("${job.ix}"); }) ==
          "${job.ix} stands for nothing here; did you mean ${job.id}?: f:1");
    CHECK(message_of([&] { sub("${job.id"); }) == "'${' without '}': f:1");
    CHECK(message_of([&] {
              ctx::parse_context("schema = 1\nguest.hostname = 'w-${a}'", "c", {}, Blame::node);
          }) == "${a} stands for nothing here: c:2");
}

TEST_CASE("the example contexts can be read and rendered")
{
    for (const char* name : {"nocloud", "cernvm"}) {
        const std::string path = std::string(VMBATCH_SOURCE_DIR "/templates/contexts/") + name + ".toml";
        const Context context = ctx::read_context(path, {{"job.id", "7"}});
        CHECK(context.hostname == "wn-7");
        CHECK_NOTHROW(render(context, ctx::dialect_from_name(name)));
    }
}
