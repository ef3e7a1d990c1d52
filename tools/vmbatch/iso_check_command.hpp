#pragma once

namespace CLI {
class App;
}
struct CommonOptions;

// vmbatch iso check
void add_iso_check_command(CLI::App& noun, CommonOptions& common);
