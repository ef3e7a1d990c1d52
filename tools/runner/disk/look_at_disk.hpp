// What an image holds, found out by the disk-helper: without privileges, whatever the image's format.
#pragma once

#include <filesystem>

#include <nlohmann/json.hpp>

#include <ctx/base/deadline.hpp>
#include <image-cache/store.hpp>

#include "../install_paths.hpp"

namespace runner {

// The helper's JSON, schema 1. The image's format is known and the image inspected: it names no file of this
// host. Throws Error: user, the disk cannot be read; node.
nlohmann::json look_at_disk(const std::filesystem::path& image, image_cache::Format format,
                            const InstallPaths& paths, const ctx::Deadline& deadline);

} // namespace runner
