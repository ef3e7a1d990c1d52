#pragma once

#include "common_options.hpp"

namespace CLI {
class App;
}

// vmbatch guest shell | log
void add_guest_commands(CLI::App& app, CommonOptions& common);
