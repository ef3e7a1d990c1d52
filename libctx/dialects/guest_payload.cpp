#include "dialects/guest_payload.hpp"

#include <cstddef>

#include <fmt/format.h>

#include <ctx/base/digest.hpp>
#include <ctx/base/text.hpp>

#include "dialects/guest_scripts.hpp"
#include "dialects/setup_script.hpp"

namespace ctx {

namespace {

void add(DiscTree& tree, const std::string& path, std::string text)
{
    tree.files["vmbatch/" + path] = DiscFile{std::move(text)};
}

void add_keys(DiscTree& tree, const Context& context)
{
    for (const auto& [user, keys] : keys_by_user(context)) add(tree, "keys/" + user, join(keys, "\n") + "\n");
    if (!context.host_key) return;
    std::string private_key = context.host_key->private_key;
    if (!private_key.ends_with('\n')) private_key += '\n'; // OpenSSH refuses a key without
    add(tree, "host_key", std::move(private_key));
    add(tree, "host_key.pub", context.host_key->public_key + "\n");
}

// Sourced by login shells of every kind.
std::string environment_script(const Context& context)
{
    std::string text;
    for (const auto& [name, value] : context.environment)
        text += fmt::format("export {}={}\n", name, shell_quote(value));
    return text;
}

void add_all_but_id(DiscTree& tree, const Context& context)
{
    add(tree, "setup", setup_script(context));
    add_keys(tree, context);
    if (!context.environment.empty()) add(tree, "environment", environment_script(context));
    for (std::size_t i = 0; i < context.files.size(); ++i) {
        const File& file = context.files[i];
        DiscFile& entry = tree.files["vmbatch/files/" + payload_number(i)];
        if (file.source)
            entry.content = *file.source;
        else
            entry.content = file.content.value_or("");
    }
    for (std::size_t i = 0; i < context.archives.size(); ++i)
        tree.files["vmbatch/archives/" + payload_number(i)].content = context.archives[i].source;
}

} // namespace

std::string instance_id(const Context& context)
{
    if (!context.instance_id.empty()) return context.instance_id;
    DiscTree tree;
    add_all_but_id(tree, context);
    Sha256 hash;
    for (const auto& [path, file] : tree.files) {
        const auto* text = std::get_if<std::string>(&file.content);
        const std::string content =
            text != nullptr ? *text : std::get<std::filesystem::path>(file.content).string();
        hash.update(fmt::format("{} {}\n", path, content.size()));
        hash.update(content);
    }
    return "vmbatch-" + hash.finish().substr(0, 32);
}

void add_payload(DiscTree& tree, const Context& context)
{
    add_all_but_id(tree, context);
    add(tree, "id", instance_id(context) + "\n");
}

std::string bootstrap(const Context& context, std::string_view label, SetUp part)
{
    return fmt::format("vmbatch_id={}\nvmbatch_label={}\n{}vmbatch_bootstrap {}\nexit $?\n",
                       shell_quote(instance_id(context)), shell_quote(label), bootstrap_functions,
                       part == SetUp::early ? "early" : "all");
}

} // namespace ctx
