// Where images are pulled from, and what is asked of them: [images] and [remote.NAME].
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <image-cache/pull.hpp>

namespace ctx {
class TomlReader;
}

namespace runner {

class Recorder;

// What `vmbatch image pull NAME` stands for, and a profile's `image` where it is not in the cache yet.
struct Remote {
    std::vector<std::string> urls;
    std::string checksum;
    std::string checksum_url;
    std::string signature;
    std::string keyring; // "" = that of [images]; so the next two
    std::string proxy;
    std::string ca_file;
    std::optional<image_cache::EmbeddedSigner> signer;
    std::optional<image_cache::Format> format;
};

struct ImageSettings {
    image_cache::NetworkOptions network;
    image_cache::PullLimits limits;
    std::string keyring;
    bool stale = true;
    std::map<std::string, Remote> remotes;

    // A pull of this remote; what all pulls have in common is filled in. Throws Error (user) with the nearest
    // name.
    image_cache::PullRequest request_for(const std::string& name) const;
    // The same for an address.
    image_cache::PullRequest request() const;
};

ImageSettings read_image_settings(ctx::TomlReader& root, Recorder& record);

// The remotes that are there without being configured; [remote.NAME] takes the place of one.
std::map<std::string, Remote> default_remotes();

} // namespace runner
