// Where our own parts lie: relative to the running program, so that an installed tree may be moved as a whole
// and the build tree works as it is. Never from the environment, which belongs to a job's user.
#pragma once

#include <filesystem>

namespace runner {

struct InstallPaths {
    std::filesystem::path libexec; // helper programs
    std::filesystem::path share;   // templates, the probe
};

// From PREFIX/bin/vmbatch: PREFIX/libexec/vmbatch and PREFIX/share/vmbatch. Throws Error (node).
InstallPaths install_paths();

} // namespace runner
