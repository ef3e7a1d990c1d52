#pragma once

namespace CLI {
class App;
}

// vmbatch cache-disk create
void add_cache_disk_commands(CLI::App& app);
