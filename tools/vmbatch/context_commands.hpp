#pragma once

namespace CLI {
class App;
}

// vmbatch context check | example
void add_context_commands(CLI::App& app);
