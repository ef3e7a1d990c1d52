// Pulling an image into the cache: fetched once whoever asks, proved before it is published.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <ctx/base/deadline.hpp>
#include <image-cache/store.hpp>

namespace image_cache {

struct NetworkOptions {
    std::string proxy; // "" = none; the environment's are not looked at
    std::string no_proxy;
    std::string ca_file; // "" = the system's
    std::chrono::seconds connect_time{20};
    // A transfer is given up when it is slower than this for so long, however long it takes in all.
    std::uint64_t low_speed = 1024; // bytes a second
    std::chrono::seconds low_speed_time{30};
    unsigned tries = 5; // for each address, as long as failures may pass
};

struct PullLimits {
    std::uint64_t image = std::uint64_t{1} << 40;            // bytes of an image, unpacked
    std::uint64_t virtual_size = std::uint64_t{64} << 40;    // that a guest may see
    std::uint64_t ratio = 200;                               // unpacked data (no zeros) to packed
    std::uint64_t decoder_memory = std::uint64_t{256} << 20; // for windows that packed data ask for
    std::chrono::seconds program{1800};                      // for a conversion
};

// When the network is asked. `automatic`: a known checksum's image is used as it is, else the server is asked
// whether its file is still the same. `metadata`: what is known of an address is not asked for again.
// `always`: nothing is fetched. `never`: everything is fetched anew.
enum class CacheOnly { automatic, metadata, always, never };

// CernVM's images carry a signature in their last 64 KiB.
struct EmbeddedSigner {
    std::string subject; // a pattern (* and ?) for the certificate's distinguished name
    std::string ca_file; // who must have issued it
};

struct PullRequest {
    std::vector<std::string> urls; // the same file at several places, in the order to be tried
    std::string alias;             // or ""
    std::optional<Format> format;  // nothing: known by its beginning
    std::string checksum;          // of the file at the address: "sha256:…", "sha512:…", or ""
    std::string checksum_url;      // a file of checksums that lists it, or ""
    std::string signature_url; // detached: of the file of checksums if there is one, else of the image; or ""
    std::string keyring;       // whose signatures count
    std::optional<EmbeddedSigner> embedded_signer;
    bool insecure = false; // plain http without any proof
    bool stale = true;     // use what is cached where no server can be reached
    CacheOnly cache_only = CacheOnly::automatic;
    NetworkOptions network;
    PullLimits limits;
    std::optional<ctx::Deadline> deadline;
    ProgressFunction progress;
    // Called about once a second while something is waited for; may throw to end the pull.
    std::function<void()> still_wanted;
};

// How an image came here. Kept with it.
struct PullReport {
    std::string url;           // that gave it
    std::string final_url;     // after redirects
    std::string verified;      // "sha256:…", "signature of …", or "" if nothing proved it
    std::string packed_as;     // "xz", or "" if it came as it is
    std::uint64_t bytes = 0;   // of the file at the address
    std::uint64_t resumed = 0; // of these, here before
    double wait_seconds = 0;   // for another process that was fetching it
    double fetch_seconds = 0;
    double publish_seconds = 0;        // signature, inspection, conversion, disk
    std::vector<std::string> failures; // of addresses before the one that worked
};

enum class PullResult { pulled, cached, stale };
std::string_view to_string(PullResult result);

struct Pulled {
    Image image;
    PullResult result = PullResult::pulled;
    PullReport report;
    std::string warning; // for `stale`: why no server was of use
};

// Throws Error. Interrupted at any moment, it leaves a cache that the next call goes on with.
Pulled pull(Store& store, const PullRequest& request);

// Brings a local file in, whatever it is: raw and qcow2 as Store::import does; packed files and other
// programs' disks as a pull would, once. With a format said, `raw` above all, a file is what it is said to
// be. Throws Error.
Imported import_file(Store& store, const std::filesystem::path& file, const ImportOptions& options,
                     const PullLimits& limits);

// Puts a damaged image's content right again, from where it came: its address, or the file it was imported
// from. Throws Error; then it is as before.
void repair(Store& store, const Image& image, const PullRequest& how);

// How an image of the cache came here; nothing for one that was imported.
std::optional<PullReport> pull_report(const Store& store, const Image& image);

} // namespace image_cache
