// Where our own parts lie: relative to the running program, so that an installed tree may be moved as a whole
// and the build tree works as it is. Never from the environment, which belongs to a job's user.
#pragma once

#include <filesystem>

namespace runner {

struct InstallPaths {
    std::filesystem::path libexec; // helper programs
    std::filesystem::path share;   // templates, the probe
    std::filesystem::path config;  // vmbatch.toml, unless somebody with a command line says otherwise
    std::filesystem::path run;     // what remoteshell has to find without reading it
};

// From PREFIX/bin/vmbatch: PREFIX/libexec/vmbatch, PREFIX/share/vmbatch, PREFIX/etc/vmbatch/vmbatch.toml and
// PREFIX/run/vmbatch; for a PREFIX of /usr and /usr/local, which have no etc and run of their own, the
// system's. Throws Error (node).
InstallPaths install_paths();

} // namespace runner
