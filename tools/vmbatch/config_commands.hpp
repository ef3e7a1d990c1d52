#pragma once

#include "common_options.hpp"

namespace CLI {
class App;
}

// vmbatch config check | show
void add_config_commands(CLI::App& app, CommonOptions& common);
