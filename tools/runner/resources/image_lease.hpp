// Keeps the image in the cache while the job's overlay stands on it.
#pragma once

#include <filesystem>
#include <string>

#include <image-cache/store.hpp>

#include "../ledger/steps.hpp"

namespace runner {

struct ImageLease {
    static constexpr const char* kind = "lease";
    static constexpr ResourceSteps steps{Step::lease_recorded, Step::lease_made, Step::lease_released,
                                         Step::lease_struck};

    std::filesystem::path cache_dir;
    image_cache::Image image;
    std::string job_id;
    std::filesystem::path job_directory; // there as long as the job is

    std::string details() const;
    image_cache::Image make() const; // throws Error (node)
    static void remove(const std::string& details, const std::string& job_id);
};

} // namespace runner
