#pragma once

namespace CLI {
class App;
}

// vmbatch context check | plan | example
void add_context_commands(CLI::App& app);

// vmbatch context plan
void add_context_plan(CLI::App& noun);
