#include "dialects/cloud_config.hpp"

#include <ctx/base/text.hpp>

#include "dialects/guest_payload.hpp"

namespace ctx {

namespace {

// cloud-init makes the root file system as large as its disk and runs the bootstrap, in its first stage with
// a network: it comes before sshd there. Its other modules would do what the set-up does, later, and cost
// half a minute where the guest is emulated.
constexpr std::string_view start = R"(#cloud-config
cloud_init_modules: [growpart, resizefs, bootcmd]
cloud_config_modules: []
cloud_final_modules: []
bootcmd:
  - |
)";

} // namespace

std::string cloud_config(const Context& context, std::string_view label)
{
    std::string text(start);
    for (const std::string& line : split(bootstrap(context, label), '\n'))
        text += line.empty() ? "\n" : "    " + line + "\n";
    text.pop_back(); // the bootstrap's own last line feed
    return text;
}

} // namespace ctx
