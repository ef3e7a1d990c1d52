// --set KEY=VALUE, as every command that reads a context takes it.
#pragma once

#include <string>
#include <vector>

#include <ctx/context_file.hpp>

namespace CLI {
class App;
}

void add_set_option(CLI::App& command, std::vector<std::string>& settings);

// Throws Error (user) for a word that is no KEY=VALUE.
ctx::Variables context_values(const std::vector<std::string>& settings);
