#include "hypervisor.hpp"

#include <ctx/base/error.hpp>

#include "../settings/settings.hpp"
#include "qemu/qemu.hpp"

namespace runner {

std::vector<std::string> hypervisor_names()
{
    return {"qemu"};
}

std::unique_ptr<Hypervisor> make_hypervisor(std::string_view name, const HypervisorSettings& settings,
                                            const InstallPaths& paths, const std::filesystem::path& state_dir)
{
    if (name == "qemu") return std::make_unique<qemu::Qemu>(settings, paths, state_dir);
    throw ctx::Error(ctx::Blame::node, "no such hypervisor").at(std::string(name));
}

} // namespace runner
