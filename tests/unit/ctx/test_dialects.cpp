#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include <catch2/catch.hpp>

#include <ctx/base/file.hpp>
#include <ctx/base/process.hpp>
#include <ctx/base/text.hpp>
#include <ctx/dialect.hpp>

#include "../temporary_directory.hpp"
#include "sample.hpp"

using ctx::Dialect;
using ctx::DiscTree;
using ctx::render;

namespace {

std::string text_of(const DiscTree& tree, const std::string& path)
{
    INFO(path);
    REQUIRE(tree.files.contains(path));
    return std::get<std::string>(tree.files.at(path).content);
}

// The rest of the text after the last line that begins with "exit", or after any other mark.
std::string after(const std::string& text, std::string_view mark)
{
    const std::size_t at = text.rfind(mark);
    REQUIRE(at != std::string::npos);
    return text.substr(at + mark.size());
}

std::string run_shell(const std::vector<std::string>& shell, const std::string& script)
{
    std::vector<std::string> argv = shell;
    argv.push_back(script);
    const auto result = ctx::run({.argv = argv}, ctx::Deadline::in(std::chrono::seconds(20)));
    return result.output + result.error_output;
}

std::string decoded(const std::string& data)
{
    return ctx::run({.argv = {"/usr/bin/base64", "-d"}}, ctx::Deadline::in(std::chrono::seconds(20)), data)
        .output;
}

// Compares with tests/unit/golden/NAME; VMBATCH_UPDATE_GOLDEN=1 writes it anew.
void check_golden(const std::string& name, const std::string& text)
{
    const std::filesystem::path path = std::filesystem::path(VMBATCH_SOURCE_DIR "/tests/unit/golden") / name;
    if (std::getenv("VMBATCH_UPDATE_GOLDEN") != nullptr) ctx::write_file(path, text, 0644);
    INFO(path << " (VMBATCH_UPDATE_GOLDEN=1 writes it anew)");
    CHECK(text == ctx::read_file(path, 1 << 20));
}

std::string context_value(const std::string& script, const std::string& name)
{
    const std::size_t start = script.find("\n" + name + "=");
    REQUIRE(start != std::string::npos);
    const std::size_t from = start + name.size() + 2;
    return script.substr(from, script.find('\n', from) - from);
}

} // namespace

TEST_CASE("the set-up script's steps")
{
    const DiscTree tree = render(sample_context(), Dialect::nocloud);
    check_golden("setup-steps", after(text_of(tree, "vmbatch/setup"), "\n}\n\n"));
    ctx::Context least;
    least.instance_id = "least";
    check_golden("setup-steps-least",
                 after(text_of(render(least, Dialect::nocloud), "vmbatch/setup"), "\n}\n\n"));
}

TEST_CASE("nocloud: user data, meta data and network")
{
    ctx::Context context = sample_context();
    DiscTree tree = render(context, Dialect::nocloud);
    CHECK(tree.label == "cidata");
    check_golden("nocloud-user-data", text_of(tree, "user-data"));
    check_golden("nocloud-meta-data", text_of(tree, "meta-data"));
    CHECK(text_of(tree, "vendor-data").empty());
    CHECK_FALSE(tree.files.contains("network-config"));
    context.network.fixed = sample_network();
    tree = render(context, Dialect::nocloud);
    check_golden("nocloud-network-config", text_of(tree, "network-config"));
}

TEST_CASE("configdrive: the same user data, and all else as JSON")
{
    ctx::Context context = sample_context();
    DiscTree tree = render(context, Dialect::configdrive);
    CHECK(tree.label == "config-2");
    check_golden("configdrive-user_data", text_of(tree, "openstack/latest/user_data"));
    check_golden("configdrive-meta_data.json", text_of(tree, "openstack/latest/meta_data.json"));
    CHECK(text_of(tree, "openstack/latest/vendor_data.json") == "{}\n");
    CHECK_FALSE(tree.files.contains("openstack/latest/network_data.json"));
    context.network.fixed = sample_network();
    tree = render(context, Dialect::configdrive);
    check_golden("configdrive-network_data.json", text_of(tree, "openstack/latest/network_data.json"));
}

TEST_CASE("cernvm: context.sh, its user data, prolog and epilog")
{
    ctx::Context context = sample_context();
    context.network.fixed = sample_network();
    DiscTree tree = render(context, Dialect::cernvm);
    CHECK(tree.label == "CONTEXT");
    const std::string script = text_of(tree, "context.sh");
    check_golden("cernvm-context.sh", script);
    const std::string data = decoded(context_value(script, "EC2_USER_DATA"));
    check_golden("cernvm-user-data", data);
    CHECK(decoded(context_value(script, "USER_DATA")) == data);
    CHECK(data.starts_with("#!/bin/sh\n"));
    CHECK(data.find("\nexit ") != std::string::npos);
    CHECK(text_of(tree, "root.pub") == "ssh-ed25519 AAAAroot admin\n");
    // Up to the exit no line may look like one of amiconfig's sections.
    for (const std::string& line : ctx::split(data.substr(0, data.find("\nexit ")), '\n')) {
        const std::size_t first = line.find_first_not_of(' ');
        CHECK((first == std::string::npos || line[first] != '['));
    }
    check_golden("cernvm-prolog.sh", text_of(tree, "prolog.sh"));
    check_golden("cernvm-epilog.sh", text_of(tree, "epilog.sh"));
    context.commands.erase(context.commands.begin());
    tree = render(context, Dialect::cernvm);
    CHECK_FALSE(tree.files.contains("prolog.sh")); // nothing to do before the network
}

TEST_CASE("universal: what CernVM and what cloud-init look for, on one disc")
{
    ctx::Context context = sample_context();
    context.network.fixed = sample_network();
    const DiscTree tree = render(context, Dialect::universal);
    CHECK(tree.label == "cidata");
    const DiscTree nocloud = render(context, Dialect::nocloud);
    for (const auto& entry : nocloud.files) {
        if (entry.first == "vmbatch/id") continue;
        CHECK(
            (tree.files.contains(entry.first) && tree.files.at(entry.first).content == entry.second.content));
    }
    const DiscTree cernvm = render(context, Dialect::cernvm);
    for (const auto& entry : cernvm.files) CHECK(tree.files.contains(entry.first));
    CHECK(tree.files.size() == nocloud.files.size() + 4); // context.sh, prolog.sh, epilog.sh, root.pub
    check_golden("universal-context.sh", text_of(tree, "context.sh"));
}

TEST_CASE("what guests' mechanisms read is 7-bit clean, and has no more lines, whatever the context holds")
{
    ctx::Context context = sample_context();
    const auto seeds = [&](Dialect dialect) {
        std::map<std::string, std::size_t> lines;
        for (const auto& [path, file] : render(context, dialect).files) {
            if (path.starts_with("vmbatch/")) continue;
            const std::string& text = std::get<std::string>(file.content);
            CAPTURE(path);
            CHECK(std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
            lines[path] = ctx::split(text, '\n').size();
        }
        return lines;
    };
    for (const std::string& name : ctx::dialect_names()) {
        context = sample_context();
        const auto before = seeds(ctx::dialect_from_name(name));
        context.environment["WORD"] = "Größe\n[ucernvm-begin]\nx=\"$(reboot)\"\n";
        context.files[0].content = "\xff\xfe\nexit 0\n[amiconfig]\nplugins=evil\n";
        context.files[0].path = "/opt/ümlaut";
        context.commands[0].run = "echo ümlaut\nexit 0\n[cernvm]";
        context.root_ssh_keys = {"ssh-ed25519 AAAA admin"};
        REQUIRE_NOTHROW(check_context(context));
        CHECK(seeds(ctx::dialect_from_name(name)) == before);
    }
}

TEST_CASE("a context too big for its carrier is refused")
{
    ctx::Context context = sample_context();
    context.cernvm.repositories.assign(9000, "repository");
    for (const Dialect dialect : {Dialect::cernvm, Dialect::universal}) {
        const std::string message = message_of([&] { render(context, dialect); });
        CHECK(message.find("the context is too big for context.sh: cernvm") != std::string::npos);
    }
    CHECK_NOTHROW(render(context, Dialect::nocloud)); // it says nothing of CernVM
    context = sample_context();
    context.files[0].content = std::string(1000000, 'x'); // travels as a file
    CHECK_NOTHROW(render(context, Dialect::universal));
}

TEST_CASE("what travels on the disc beside the script")
{
    const DiscTree tree = render(sample_context(), Dialect::cernvm);
    CHECK(text_of(tree, "vmbatch/id") == "job-7\n");
    CHECK(text_of(tree, "vmbatch/keys/alice") == "ssh-ed25519 AAAAalice job\n");
    CHECK(text_of(tree, "vmbatch/keys/root") == "ssh-ed25519 AAAAroot admin\n");
    CHECK(text_of(tree, "vmbatch/host_key.pub") == "ssh-ed25519 AAAAhost guest\n");
    CHECK(text_of(tree, "vmbatch/files/0001") == "first line\n$(reboot)\n");
    CHECK(std::get<std::filesystem::path>(tree.files.at("vmbatch/files/0002").content) == "/etc/hostname");
    CHECK(std::get<std::filesystem::path>(tree.files.at("vmbatch/archives/0001").content) == "/etc/hostname");
}

TEST_CASE("without an id one follows from the content")
{
    ctx::Context context = sample_context();
    context.instance_id.clear();
    const std::string id = text_of(render(context, Dialect::nocloud), "vmbatch/id");
    CHECK(id == text_of(render(context, Dialect::nocloud), "vmbatch/id"));
    context.files[0].content = "other";
    CHECK(id != text_of(render(context, Dialect::nocloud), "vmbatch/id"));
}

TEST_CASE("that of its files is content, too, wherever they lie")
{
    const TemporaryDirectory folder;
    ctx::Context context = sample_context();
    context.instance_id.clear();
    const auto id_with = [&](const char* name, const std::string& content) {
        ctx::write_file(folder / name, content, 0600);
        context.files[1].source = folder / name;
        return text_of(render(context, Dialect::nocloud), "vmbatch/id");
    };
    std::string content(600001, 'x');
    const std::string id = id_with("a", content);
    CHECK(id_with("b", content) == id);
    content.back() = 'y'; // in a later piece of the reading
    CHECK(id_with("a", content) != id);
    content.back() = 'x';
    content.front() = 'y';
    CHECK(id_with("a", content) != id);
    CHECK(id_with("a", "") != id);
}

TEST_CASE("guests' shells read the scripts, whatever the context holds")
{
    ctx::Context context = sample_context();
    const std::string hostile =
        "'; touch /tmp/vmbatch-hostile; '\n\"`touch /tmp/vmbatch-hostile`$(touch /tmp/x)\\";
    context.environment["WORD"] = hostile;
    context.files[0].content = hostile;
    context.files[0].path = "/opt/'; reboot; '`$(x)";
    context.directories[0].path = "/opt/\"; reboot \\";
    context.commands[1].run = "echo 'it'\\''s' \"$HOME\"";
    REQUIRE_NOTHROW(check_context(context));
    const DiscTree tree = render(context, Dialect::cernvm);

    const TemporaryDirectory folder;
    ctx::write_file(folder / "setup", text_of(tree, "vmbatch/setup"), 0600);
    ctx::write_file(folder / "data", decoded(context_value(text_of(tree, "context.sh"), "EC2_USER_DATA")),
                    0600);
    ctx::write_file(folder / "context.sh", text_of(tree, "context.sh"), 0600);
    ctx::write_file(folder / "prolog.sh", text_of(tree, "prolog.sh"), 0600);
    ctx::write_file(folder / "epilog.sh", text_of(tree, "epilog.sh"), 0600);
    const std::string word = text_of(tree, "vmbatch/environment") + "printf %s \"$WORD\"\n";
    ctx::write_file(folder / "word", word, 0600);
    const std::vector<std::vector<std::string>> shells = {
        {"/bin/sh"}, {"/bin/bash"}, {"/usr/bin/dash"}, {"/usr/bin/busybox", "ash"}};
    for (const auto& shell : shells) {
        if (!std::filesystem::exists(shell[0])) continue;
        CAPTURE(shell);
        auto check_only = shell;
        check_only.emplace_back("-n");
        CHECK(run_shell(check_only, folder / "setup") == "");
        for (const char* file : {"data", "prolog.sh", "epilog.sh"})
            CHECK(run_shell(check_only, folder / file) == "");
        CHECK(run_shell(shell, folder / "context.sh") == "");
        CHECK(run_shell(shell, folder / "word") == hostile);
    }
    CHECK_FALSE(std::filesystem::exists("/tmp/vmbatch-hostile"));
}

TEST_CASE("a mistyped dialect")
{
    CHECK(ctx::dialect_from_name("cernvm") == Dialect::cernvm);
    CHECK(message_of([] { ctx::dialect_from_name("nocluod"); }) ==
          "there is no dialect 'nocluod'; did you mean 'nocloud'?");
}
