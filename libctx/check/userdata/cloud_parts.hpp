// User data as cloud-init takes them: by their first line one thing, or a MIME message of several.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ctx::check {

struct CloudPart {
    enum class Kind {
        nothing,
        cloud_config,
        script,
        boothook,
        include,
        part_handler,
        template_,
        gzip,
        unknown
    } kind;
    std::string text;     // decoded
    std::string encoding; // of a part of a message: "7bit", "base64" …; "" where none is said
    std::string type;     // of a part of a message: "text/cloud-config"
};

std::string_view to_string(CloudPart::Kind kind);

struct CloudUserData {
    bool mime = false;
    std::vector<CloudPart> parts;
    // Why a message cannot be read: "no boundary" …
    std::string fault;
};

CloudUserData read_cloud_user_data(std::string_view text);

struct CloudConfig {
    std::vector<std::string> keys; // of the top, in their order
    std::vector<std::string> twice;
    std::string fault; // why it is no mapping: YAML's own words
    std::size_t line = 0;
};

// YAML 1.1, read by libyaml, as cloud-init's own reader is.
CloudConfig read_cloud_config(std::string_view text);

bool is_gzip(std::string_view data);

} // namespace ctx::check
