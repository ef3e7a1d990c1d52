// What DiscReader asks of each format.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <ctx/base/deadline.hpp>
#include <ctx/block_device.hpp>
#include <ctx/disc_reader.hpp>

#include "disc/disc_listing.hpp"

namespace ctx {

class DiscContents {
public:
    DiscContents() = default;
    DiscContents(const DiscContents&) = delete;
    DiscContents& operator=(const DiscContents&) = delete;
    DiscContents(DiscContents&&) = delete;
    DiscContents& operator=(DiscContents&&) = delete;
    virtual ~DiscContents() = default;

    virtual std::string label() const = 0;
    virtual void list(DiscListing& listing) = 0;
    // The first `size` bytes of a file that was listed.
    virtual void read(const std::string& path, std::uint64_t size, const Deadline& deadline,
                      const std::function<void(std::string_view)>& take) = 0;
};

std::unique_ptr<DiscContents> iso_contents(const std::filesystem::path& path);
// `disk` must outlive it.
std::unique_ptr<DiscContents> fat_contents(const std::filesystem::path& path, const BlockReader& disk);

// Whether the first sector is that of a FAT volume.
bool is_fat(const BlockReader& disk);

} // namespace ctx
