// The guest's set-up script: fixed functions (setup.sh), then one call per thing the context asks for.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include <ctx/context.hpp>

namespace ctx {

std::string setup_script(const Context& context);

// What is left to be done at the boot of a guest whose disk was edited: mounts, commands, the report. A key
// for the host is made there if the image has none and the context neither.
std::string boot_script(const Context& context, bool make_host_key);

// Who gets which keys, `root` among them.
std::map<std::string, std::vector<std::string>> keys_by_user(const Context& context);

// "ssh-ed25519 AAAA…" → "ed25519", as sshd names the file.
std::string host_key_type(const std::string& public_key);

// The name, below vmbatch/files or vmbatch/archives, of the file or archive with this index.
std::string payload_number(std::size_t index);

} // namespace ctx
