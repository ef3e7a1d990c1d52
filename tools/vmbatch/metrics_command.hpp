// vmbatch job metrics: numbers for monitoring.
#pragma once

#include "common_options.hpp"

void add_metrics_command(CLI::App& noun, CommonOptions& common);
