#include "install_paths.hpp"

#include <ctx/base/error.hpp>

namespace runner {

namespace fs = std::filesystem;

namespace {

InstallPaths below(const fs::path& prefix)
{
    const bool of_system = prefix == "/usr" || prefix == "/usr/local";
    const fs::path root = of_system ? "/" : prefix;
    return {.libexec = prefix / "libexec" / "vmbatch",
            .share = prefix / "share" / "vmbatch",
            .config = root / "etc" / "vmbatch" / "vmbatch.toml",
            .run = root / "run" / "vmbatch"};
}

} // namespace

InstallPaths install_paths()
{
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error);
    if (error) throw ctx::Error(ctx::Blame::node, "cannot find our own program").because(error.message());
    // From PREFIX/bin, or from PREFIX/libexec/vmbatch itself.
    for (fs::path prefix = program.parent_path(); prefix != prefix.root_path();
         prefix = prefix.parent_path()) {
        InstallPaths paths = below(prefix);
        if (fs::exists(paths.libexec / "libvirt-helper", error)) return paths;
    }
    throw ctx::Error(ctx::Blame::node, "a part of the installation is missing")
        .at("libexec/vmbatch/libvirt-helper near " + program.string())
        .mend("install or build again");
}

} // namespace runner
