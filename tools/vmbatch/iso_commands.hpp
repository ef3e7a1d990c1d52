#pragma once

namespace CLI {
class App;
}

// vmbatch iso build | show
void add_iso_commands(CLI::App& app);
