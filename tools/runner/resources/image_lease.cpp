#include "image_lease.hpp"

#include <nlohmann/json.hpp>

namespace runner {

using nlohmann::json;

std::string ImageLease::details() const
{
    return json{{"cache_dir", cache_dir.string()}, {"digest", image.digest}}.dump();
}

image_cache::Image ImageLease::make() const
{
    image_cache::Store(cache_dir).lease(image, job_id, job_directory);
    return image;
}

void ImageLease::remove(const std::string& details, const std::string& job_id)
{
    const json data = json::parse(details);
    image_cache::Store store(data.at("cache_dir").get<std::string>());
    store.release(data.at("digest").get<std::string>(), job_id);
}

} // namespace runner
