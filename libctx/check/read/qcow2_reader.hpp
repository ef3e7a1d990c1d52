// A qcow2 read as the guest would see it, without the programs that follow what it names.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <ctx/block_device.hpp>

namespace ctx::check {

bool is_qcow2(const BlockReader& file);

class Qcow2Reader : public BlockReader {
public:
    // The file must outlive it. Throws Error (user) for a damaged one, and for what is not read here: backing
    // files, data files, encryption, subclusters.
    explicit Qcow2Reader(const BlockReader& file);

    std::uint64_t size() const override { return size_; }
    // Throws Error (user) for compressed clusters.
    void read(std::uint64_t offset, std::span<char> into) const override;
    // Nothing was ever written: all of it reads as zeros.
    bool has_no_clusters() const;

private:
    // Where a cluster's bytes are in the file; 0: it reads as zeros.
    std::uint64_t place_of(std::uint64_t cluster) const;

    const BlockReader& file_;
    std::uint64_t size_ = 0;
    unsigned cluster_bits_ = 0;
    std::vector<std::uint64_t> level1_;
    mutable std::uint64_t cached_place_ = 0; // of the table of level 2 that was read last
    mutable std::string cached_;
};

} // namespace ctx::check
