#pragma once

namespace CLI {
class App;
}
struct CommonOptions;

// vmbatch iso build | show | check
void add_iso_commands(CLI::App& app, CommonOptions& options);
