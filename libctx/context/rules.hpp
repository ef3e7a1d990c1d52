// What single values of a context must look like. Each rule answers what is wrong with a value, or nothing.
// The file reader asks them where it knows the line; check_context() asks them again for contexts made by
// code.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace ctx {

using Problem = std::optional<std::string>;

Problem wrong_user_name(std::string_view text);
Problem wrong_host_name(std::string_view text);
Problem wrong_instance_id(std::string_view text);
Problem wrong_ssh_key(std::string_view text);
// A path in the guest: absolute, without `.` or `..`, empty or control characters.
Problem wrong_guest_path(std::string_view text);
// The same, and no blanks: it stands in /proc/mounts.
Problem wrong_mount_point(std::string_view text);
Problem wrong_owner_name(std::string_view text); // a name or a number
Problem wrong_service_name(std::string_view text);
Problem wrong_mac(std::string_view text);
Problem wrong_ipv4(std::string_view text);
Problem wrong_ipv4_network(std::string_view text); // "10.0.0.5/24"
Problem wrong_mount_source(std::string_view text);
Problem wrong_mount_type(std::string_view text);
Problem wrong_mount_options(std::string_view text);
Problem wrong_environment_name(std::string_view text);
// Text with any bytes but NUL, which no shell word and no environment holds.
Problem wrong_text(std::string_view text);
Problem wrong_cernvm_name(std::string_view text);  // an organisation or a repository
Problem wrong_cernvm_proxy(std::string_view text); // "http://squid:3128;DIRECT"
// A section of amiconfig, which is a plugin's name, or a key in one.
Problem wrong_amiconfig_name(std::string_view text);
Problem wrong_amiconfig_value(std::string_view text);
// Why a key is not for amiconfig, and what says it instead.
Problem unwanted_amiconfig_key(std::string_view section, std::string_view key);
// A value the boot loader sources as root's shell, between double quotes.
Problem wrong_bootloader_value(std::string_view text);
Problem wrong_source(const std::filesystem::path& path); // a file of the host that can be read

} // namespace ctx
