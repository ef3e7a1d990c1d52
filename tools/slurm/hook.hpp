// What Prolog and Epilog have in common: where they find what they need, and what a failure does to the node.
#pragma once

#include <functional>

#include <ctx/base/deadline.hpp>

#include "controller.hpp"
#include "hook_environment.hpp"
#include "runner/install_paths.hpp"
#include "runner/settings/settings.hpp"

namespace slurm {

struct Hook {
    const Environment& environment;
    const HookCall& call;
    const runner::Settings& settings;
    const runner::InstallPaths& paths;
    const Controller& controller;
    ctx::Deadline deadline; // before slurmd kills us
};

// For slurmd's log and the node's own.
void say(const std::string& line);

// main() of a hook. An Error that leaves `work` is one that a user cannot mend: it drains the node with that
// reason, and the exit code is 1, which would drain it without one.
int run_hook(const char* program, const char* description, int argc, char** argv,
             const std::function<int(const Hook&)>& work);

} // namespace slurm
