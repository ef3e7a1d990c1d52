// Media for predictions, read from files: discs of ours and of other tools. What is on them is hostile, see
// ctx/disc_reader.hpp.
#pragma once

#include <filesystem>
#include <string>

#include <ctx/base/deadline.hpp>
#include <ctx/check/machine.hpp>

namespace ctx::check {

// A CD, or an image of one. Files larger than 1 MiB come without their content. Throws Error (user) for what is no
// disc.
Medium read_medium(const std::filesystem::path& disc, std::string device, const Deadline& deadline);

} // namespace ctx::check
