// Guests that die before they are ready, image by image. A batch system would bring job after job to such a
// host: after a few deaths in a row it takes a rest, each time a longer one, and then tries one guest.
//
//   STATE/host/images/SHA256.json   how often, when last and why; gone with the first guest that gets ready
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace runner {

// After so many deaths in a row: none, then a minute, and twice as long each time up to a quarter of an hour.
std::chrono::seconds rest_after(unsigned deaths);

struct SickImage {
    std::string digest;
    std::string name; // by which a profile called it
    unsigned deaths = 0;
    std::chrono::seconds rest_left{};
    std::string reason; // of the last death
};

class ImageHealth {
public:
    explicit ImageHealth(const std::filesystem::path& state_dir);

    // Throws Error (node) while the host rests from this image.
    void require_rest_is_over(const std::string& digest) const;
    // None of these fails: a record that cannot be written is one that is not there.
    void guest_died(const std::string& digest, const std::string& name, const std::string& reason) const;
    void guest_became_ready(const std::string& digest) const;

    // Those whose last guest died, in this life of the host.
    std::vector<SickImage> list() const;

private:
    std::filesystem::path directory_;
};

} // namespace runner
