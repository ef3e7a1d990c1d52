// A cache and a folder for sources, in a temporary directory that is gone after the test.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <sys/stat.h>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>
#include <image-cache/store.hpp>

#include "../temporary_directory.hpp"

namespace image_cache_tests {

class CacheFixture {
public:
    std::filesystem::path cache() const { return root_ / "cache"; }
    std::filesystem::path file(std::string_view name) const { return root_.path() / name; }
    std::filesystem::path write(std::string_view name, std::string_view content) const
    {
        ctx::write_file(file(name), content, 0644);
        return file(name);
    }
    image_cache::Store store() const { return image_cache::Store(cache()); }

private:
    TemporaryDirectory root_;
};

// Bytes that are no zeros and not the same in every block.
inline std::string noise(std::size_t size, std::uint32_t seed = 1)
{
    std::string bytes(size, '\0');
    for (char& byte : bytes) {
        seed = seed * 1664525U + 1013904223U;
        byte = static_cast<char>((seed >> 24U) | 1U);
    }
    return bytes;
}

inline std::uint64_t disk_usage(const std::filesystem::path& path)
{
    struct stat info{};
    return ::stat(path.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_blocks) * 512 : 0;
}

// The error `work` ends with, if it does.
inline std::optional<ctx::Error> error_of(const std::function<void()>& work)
{
    try {
        work();
    } catch (const ctx::Error& error) {
        return error;
    }
    return std::nullopt;
}

inline bool says(const std::optional<ctx::Error>& error, std::string_view words)
{
    return error && error->explain().find(words) != std::string::npos;
}

} // namespace image_cache_tests
