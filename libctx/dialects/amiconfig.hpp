// What follows the script in the user data of a CernVM: sections for amiconfig, lines for the boot loader.
#pragma once

#include <string>

#include <ctx/context.hpp>

namespace ctx {

std::string amiconfig_sections(const CernVm& cernvm);
std::string bootloader_block(const CernVm& cernvm);

} // namespace ctx
