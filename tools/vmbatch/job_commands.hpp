#pragma once

#include "common_options.hpp"

namespace CLI {
class App;
}

// vmbatch job list | show | gc
void add_job_commands(CLI::App& app, CommonOptions& common);
