// vmbatch disk …
#pragma once

#include "common_options.hpp"

void add_disk_commands(CLI::App& app, CommonOptions& common);
