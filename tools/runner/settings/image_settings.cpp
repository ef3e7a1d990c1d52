#include "image_settings.hpp"

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/names.hpp>
#include <ctx/base/text.hpp>

#include "recorder.hpp"

namespace runner {

using ctx::TomlReader;

namespace {

std::string absolute_text(TomlReader& in, Recorder& record, std::string_view key)
{
    const std::string path = record.text(in, key, "");
    if (!path.empty()) require_absolute(in, key, path);
    return path;
}

Remote read_remote(TomlReader& in, Recorder& record)
{
    Remote remote;
    remote.urls = in.texts("urls");
    if (remote.urls.empty()) throw in.error("urls", "must name where the image is: [\"https://…\"]");
    record.note_read(in, "urls", ctx::join(remote.urls, ", "));
    remote.checksum = record.text(in, "checksum", "");
    remote.checksum_url = record.text(in, "checksum_url", "");
    remote.signature = record.text(in, "signature", "");
    remote.keyring = absolute_text(in, record, "keyring");
    remote.proxy = record.text(in, "proxy", "");
    remote.ca_file = absolute_text(in, record, "ca_file");
    const std::string format = record.choice(in, "format", {"auto", "raw", "qcow2"}, "auto");
    if (format != "auto")
        remote.format = format == "raw" ? image_cache::Format::raw : image_cache::Format::qcow2;
    const std::string signer = record.text(in, "signer", "");
    const std::string ca = absolute_text(in, record, "signer_ca");
    if (signer.empty() != ca.empty())
        throw in.error(signer.empty() ? "signer" : "signer_ca", "`signer` and `signer_ca` belong together");
    if (!signer.empty()) remote.signer = image_cache::EmbeddedSigner{.subject = signer, .ca_file = ca};
    in.finish();
    return remote;
}

} // namespace

ImageSettings read_image_settings(TomlReader& root, Recorder& record)
{
    ImageSettings result;
    TomlReader in = root.table("images");
    result.network.proxy = record.text(in, "proxy", "");
    result.network.no_proxy = record.text(in, "no_proxy", "");
    result.network.ca_file = absolute_text(in, record, "ca_file");
    result.network.tries = static_cast<unsigned>(record.integer(in, "tries", 1, 100, result.network.tries));
    result.network.low_speed = record.size(in, "low_speed", 1, result.network.low_speed);
    result.network.low_speed_time = std::chrono::seconds(
        record.integer(in, "low_speed_time", 1, 3600, result.network.low_speed_time.count()));
    result.keyring = absolute_text(in, record, "keyring");
    result.stale = record.boolean(in, "stale", true);
    result.limits.image = record.size(in, "max_size", 1 << 20, result.limits.image);
    result.limits.virtual_size = record.size(in, "max_virtual_size", 1 << 20, result.limits.virtual_size);
    result.limits.ratio = static_cast<std::uint64_t>(record.integer(in, "max_ratio", 1, 1000000, 200));
    result.limits.decoder_memory = record.size(in, "decoder_memory", 8 << 20, result.limits.decoder_memory);
    in.finish();

    result.remotes = default_remotes();
    for (auto& [name, remote] : root.named_tables("remote")) {
        if (!ctx::is_plain_name(name))
            throw remote.error("", "a remote's name is made of letters, digits, '.', '_' and '-'");
        result.remotes.insert_or_assign(name, read_remote(remote, record));
    }
    return result;
}

image_cache::PullRequest ImageSettings::request() const
{
    image_cache::PullRequest request;
    request.network = network;
    request.limits = limits;
    request.keyring = keyring;
    request.stale = stale;
    return request;
}

image_cache::PullRequest ImageSettings::request_for(const std::string& name) const
{
    const auto found = remotes.find(name);
    if (found == remotes.end()) {
        std::vector<std::string> names;
        for (const auto& [known, ignored] : remotes) names.push_back(known);
        std::string remedy = "there are: " + ctx::join(names, ", ");
        if (const auto close = ctx::nearest(name, names)) remedy += "; did you mean '" + *close + "'?";
        throw ctx::Error(ctx::Blame::user, "neither an address nor a remote")
            .at(ctx::printable(name))
            .because("there is no such [remote.NAME] in the configuration")
            .mend(std::move(remedy));
    }
    const Remote& remote = found->second;
    image_cache::PullRequest pull = request();
    pull.urls = remote.urls;
    pull.alias = name;
    pull.checksum = remote.checksum;
    pull.checksum_url = remote.checksum_url;
    pull.signature_url = remote.signature;
    if (!remote.keyring.empty()) pull.keyring = remote.keyring;
    if (!remote.proxy.empty()) pull.network.proxy = remote.proxy;
    if (!remote.ca_file.empty()) pull.network.ca_file = remote.ca_file;
    pull.embedded_signer = remote.signer;
    pull.format = remote.format;
    return pull;
}

} // namespace runner
