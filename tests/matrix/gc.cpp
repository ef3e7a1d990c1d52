// `vmbatch job gc`, with the configuration where the hooks find it. Prints what was removed, a line each.
#include <iostream>

#include <ctx/base/error.hpp>

#include "runner/lifecycle/remove_job.hpp"

int main()
try {
    const runner::InstallPaths paths = runner::install_paths();
    const auto garbage = runner::collect_garbage(runner::read_settings(paths.config), paths);
    for (const std::string& job : garbage.jobs) std::cout << "job " << job << '\n';
    for (const std::string& guest : garbage.guests) std::cout << "guest " << guest << '\n';
    for (const std::string& share : garbage.shares) std::cout << "share " << share << '\n';
    for (const std::string& job : garbage.leases) std::cout << "lease " << job << '\n';
    for (const std::string& failure : garbage.failures) std::cerr << failure << '\n';
    return garbage.failures.empty() ? 0 : 1;
} catch (const ctx::Error& error) {
    std::cerr << error.explain() << '\n';
    return 1;
}
