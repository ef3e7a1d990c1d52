// vmbatch image …: the image cache by hand.
#pragma once

#include "common_options.hpp"

namespace CLI {
class App;
} // namespace CLI

void add_image_commands(CLI::App& app, CommonOptions& common);
