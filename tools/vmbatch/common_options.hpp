// What every command takes, before or after the noun.
#pragma once

#include <filesystem>
#include <string>

struct CommonOptions {
    std::string config;
    std::string cache_dir;
    std::string state_dir;
    std::string log_level = "warning";
    int exit_code = 0; // set by a command that ends well but not with 0
};

// Where images are: --cache-dir, VMBATCH_CACHE_DIR, the configuration's paths.cache_dir, in this order.
std::filesystem::path cache_dir(const CommonOptions& options);
