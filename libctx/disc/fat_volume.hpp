// A FAT volume's geometry and its chains of clusters, as the volume says, within the bounds of its disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include <ctx/block_device.hpp>

#include "disc/fat_format.hpp"

namespace ctx::fat {

class Volume {
public:
    // `disk` must outlive it. Throws Error (user) for what is no FAT volume, or one that cannot be.
    Volume(std::filesystem::path path, const BlockReader& disk);

    // Padded with blanks, and not the last word: the root directory may have another.
    const std::string& boot_label() const { return boot_label_; }
    // FAT32's root is a chain as any other; before that it lay in a place of its own.
    bool has_root_chain() const { return bits_ == 32; }
    std::uint32_t root_cluster() const { return root_cluster_; }
    std::string fixed_root() const;

    // The chain's bytes from its beginning, a cluster at a time, until `take` returns false or the chain
    // ends. A chain can run in circles: the taker has to know when it has enough.
    void follow(std::uint32_t cluster, const std::function<bool(std::string_view)>& take) const;

private:
    void read_boot_sector();
    void read_at(std::uint64_t offset, char* buffer, std::size_t size) const;
    bool is_data(std::uint32_t cluster) const;
    std::uint32_t next(std::uint32_t cluster) const;

    std::filesystem::path path_;
    const BlockReader& disk_;
    std::string boot_label_;
    unsigned bits_ = 0;
    std::uint64_t table_ = 0; // offsets in bytes
    std::uint64_t root_ = 0;
    std::uint64_t root_size_ = 0;
    std::uint64_t data_ = 0;
    std::uint64_t cluster_size_ = 0;
    std::uint64_t clusters_ = 0;
    std::uint32_t root_cluster_ = 0;
};

} // namespace ctx::fat
