// The per-job writable disk on top of an image, in the job directory (and removed with it).
#pragma once

#include <filesystem>

#include <sys/types.h>

#include <ctx/base/deadline.hpp>
#include <image-cache/store.hpp>

namespace runner {

// Throws Error (node).
void make_overlay(const std::filesystem::path& path, const image_cache::Image& base, uid_t uid, gid_t gid,
                  const ctx::Deadline& deadline);

} // namespace runner
