// The domain XML of a guest: the admin's template, filled by an XML library. Pure.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../hypervisor.hpp"
#include "accel.hpp"

namespace runner::qemu {

inline constexpr const char* metadata_namespace = "https://vmbatch.invalid/job/1";

// Sets what belongs to the job (type, name, uuid, memory, vcpu, security label, disks, interface, console,
// metadata); everything else is the template's. Throws Error (node) for a template that is no domain.
std::string fill_domain_xml(std::string_view domain_template, const std::string& template_name,
                            const GuestSpec& spec, Accel accel);

// Every file and block device that a domain's disks stand on, backing files included.
std::vector<std::filesystem::path> disks_of(const std::string& domain_xml);

// The terminal of a running domain's first serial port; "" if it has none, or the text is no domain.
std::string console_of(const std::string& domain_xml);

// The tag in a domain's metadata element as libvirt returns it; nothing if it is not ours.
std::optional<JobTag> read_tag(std::string_view metadata);

} // namespace runner::qemu
