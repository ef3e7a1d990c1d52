#include "common_options.hpp"

#include <cstdlib>
#include <optional>

#include <CLI/CLI.hpp>

#include <ctx/base/error.hpp>

namespace {

std::optional<runner::Override> said(const std::string& option, const char* option_name, const char* variable)
{
    if (!option.empty()) return runner::Override{option, option_name};
    const char* value = std::getenv(variable);
    if (value != nullptr && *value != '\0') return runner::Override{value, variable};
    return std::nullopt;
}

} // namespace

void add_common_options(CLI::App& app, CommonOptions& options)
{
    app.add_option("--config", options.config, "the configuration file")->type_name("FILE");
    app.add_option("--cache-dir", options.cache_dir, "where images are kept")->type_name("DIR");
    app.add_option("--state-dir", options.state_dir, "where jobs are kept")->type_name("DIR");
    app.add_option("--log-level", options.log_level, "trace, debug, info, warning, error or off")
        ->check(CLI::IsMember({"trace", "debug", "info", "warning", "error", "off"}))
        ->type_name("L");
}

std::string config_file(const CommonOptions& options)
{
    if (const auto file = said(options.config, "--config", "VMBATCH_CONFIG")) return file->value;
    return runner::install_paths().config;
}

runner::Settings load_settings(const CommonOptions& options)
{
    runner::Overrides overrides;
    if (const auto dir = said(options.cache_dir, "--cache-dir", "VMBATCH_CACHE_DIR"))
        overrides.emplace("paths.cache_dir", *dir);
    if (const auto dir = said(options.state_dir, "--state-dir", "VMBATCH_STATE_DIR"))
        overrides.emplace("paths.state_dir", *dir);
    return runner::read_settings(config_file(options), overrides);
}

std::filesystem::path cache_dir(const CommonOptions& options)
{
    // Images can be cared for without any configuration.
    if (const auto dir = said(options.cache_dir, "--cache-dir", "VMBATCH_CACHE_DIR"))
        return std::filesystem::absolute(dir->value);
    return load_settings(options).cache_dir;
}

runner::ImageSettings image_settings(const CommonOptions& options)
{
    const bool is_said = said(options.config, "--config", "VMBATCH_CONFIG").has_value();
    if (is_said || std::filesystem::exists(runner::install_paths().config))
        return load_settings(options).images;
    runner::ImageSettings settings;
    settings.remotes = runner::default_remotes();
    return settings;
}
