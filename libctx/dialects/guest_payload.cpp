#include "dialects/guest_payload.hpp"

#include <cerrno>
#include <cstddef>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <ctx/base/digest.hpp>
#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/page_buffer.hpp>
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

// Of a host's file, which may be large, by a hash that keeps up with its reading: it has to tell files apart,
// not to resist anybody. Who makes two contexts alike harms their own guests only.
std::string fingerprint(const std::filesystem::path& path)
{
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd) throw system_error("cannot read a file for the disc", path.string(), errno, Blame::user);
    XXH3_state_t hash;
    XXH3_128bits_reset(&hash);
    const PageBuffer buffer(1 << 18);
    for (;;) {
        const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0)
            throw system_error("cannot read a file for the disc", path.string(), errno, Blame::user);
        if (count == 0) break;
        XXH3_128bits_update(&hash, buffer.data(), static_cast<std::size_t>(count));
    }
    const XXH128_hash_t digest = XXH3_128bits_digest(&hash);
    return fmt::format("{:016x}{:016x}", digest.high64, digest.low64);
}

std::string digest_of(const DiscFile& file)
{
    if (const auto* text = std::get_if<std::string>(&file.content)) return sha256_hex(*text);
    return fingerprint(std::get<std::filesystem::path>(file.content));
}

} // namespace

std::string environment_script(const Context& context)
{
    std::string text;
    for (const auto& [name, value] : context.environment)
        text += fmt::format("export {}={}\n", name, shell_quote(value));
    return text;
}

std::string instance_id(const Context& context)
{
    if (!context.instance_id.empty()) return context.instance_id;
    DiscTree tree;
    add_all_but_id(tree, context);
    Sha256 hash;
    for (const auto& [path, file] : tree.files) hash.update(fmt::format("{} {}\n", path, digest_of(file)));
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
