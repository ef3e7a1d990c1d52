// What every command takes, before or after the noun.
#pragma once

#include <filesystem>
#include <string>

#include "../runner/settings/settings.hpp"

namespace CLI {
class App;
}

struct CommonOptions {
    std::string config;
    std::string cache_dir;
    std::string state_dir;
    std::string log_level = "warning";
    int exit_code = 0; // set by a command that ends well but not with 0
};

void add_common_options(CLI::App& app, CommonOptions& options);

// Where the configuration is: --config, VMBATCH_CONFIG, /etc/vmbatch/vmbatch.toml, in this order.
std::string config_file(const CommonOptions& options);

// The configuration, with what the command line and the environment put in its place.
runner::Settings load_settings(const CommonOptions& options);

// Where images are: --cache-dir, VMBATCH_CACHE_DIR, the configuration's paths.cache_dir, in this order.
std::filesystem::path cache_dir(const CommonOptions& options);

// [images] and [remote.NAME]; the defaults where there is no configuration.
runner::ImageSettings image_settings(const CommonOptions& options);
