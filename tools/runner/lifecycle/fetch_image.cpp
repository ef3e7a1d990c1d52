#include "fetch_image.hpp"

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <image-cache/pull.hpp>

namespace runner {

using ctx::Blame;
using ctx::Error;

namespace {

bool is_in_cache(const image_cache::Store& store, const std::string& image)
{
    try {
        return std::filesystem::exists(store.find(image).path);
    } catch (const Error&) {
        return false; // whatever is wrong with it, a pull mends it or says why not
    }
}

} // namespace

void fetch_missing_image(const Profile& profile, const Settings& settings, const TimeLimits& time,
                         Phases& phases, Interruption& interruption)
{
    image_cache::Store store(settings.cache_dir);
    if (!settings.images.remotes.contains(profile.image) || is_in_cache(store, profile.image)) return;
    phases.run("fetch", [&] {
        image_cache::PullRequest request = settings.images.request_for(profile.image);
        request.deadline = time.within(time.phases.fetch);
        request.still_wanted = [&] { interruption.check(); };
        try {
            image_cache::pull(store, request);
        } catch (const Error& error) {
            // Whoever runs a job named neither the image nor its address.
            const Blame blame = error.blame() == Blame::user ? Blame::node : error.blame();
            Error told = Error(blame, fmt::format("the image of profile '{}' cannot be fetched: {}",
                                                  profile.name, error.problem()))
                             .at(error.place())
                             .because(error.reason())
                             .mend(error.remedy());
            if (error.timed_out()) throw std::move(told).as_timeout();
            throw Error(std::move(told));
        }
    });
}

} // namespace runner
