#pragma once

#include "common_options.hpp"

namespace CLI {
class App;
}

// vmbatch run: one job in one guest, no batch system.
void add_run_command(CLI::App& app, CommonOptions& common);
