#include <algorithm>
#include <ctime>

#include <fmt/format.h>

#include <ctx/base/text.hpp>
#include <image-cache/prune.hpp>
#include <image-cache/pull.hpp>

#include "leases.hpp"
#include "lock.hpp"
#include "pull/part_file.hpp"
#include "temporary.hpp"
#include "unpublish.hpp"

namespace image_cache {

namespace {

constexpr std::int64_t day = 86400;
constexpr unsigned days_of_a_part = 2;

class Pruner {
public:
    Pruner(Store& store, const PruneOptions& options)
        : store_(store), options_(options), layout_{store.cache_dir()}, now_(std::time(nullptr))
    {
    }

    PruneResult run()
    {
        layout_.make();
        const CacheLock lock(layout_);
        if (!options_.dry_run) sweep(layout_, lock);
        std::vector<Image> images = store_.list();
        std::ranges::sort(images, {}, [](const Image& image) { return std::pair(image.used, image.digest); });
        for (const Image& image : images) total_ += image.disk_usage;
        for (const Image& image : images) consider(image, lock);
        result_.freed +=
            remove_old_parts(layout_, options_.keep_days.value_or(days_of_a_part) * day, options_.dry_run);
        return std::move(result_);
    }

private:
    void consider(const Image& image, const CacheLock& lock)
    {
        const std::vector<std::string> jobs = living_holders(image);
        const std::string why = reason_to_remove(image);
        std::string why_not;
        if (!jobs.empty())
            why_not = "leased by " + ctx::join(jobs, ", ");
        else if (why.empty())
            why_not = "within the limits";
        else if (!image.aliases.empty() && !can_be_fetched(image))
            why_not = "it was imported: nobody could fetch it again";
        if (!why_not.empty()) {
            keep(image, why_not);
            return;
        }
        if (!options_.dry_run) unpublish(layout_, image, lock);
        total_ -= image.disk_usage;
        result_.freed += image.disk_usage;
        result_.removed.push_back({.image = image, .why = why});
    }

    // A file of this host may have been a stick's.
    bool can_be_fetched(const Image& image) const
    {
        return pull_report(store_, image) && !image.source.starts_with("file:");
    }

    void keep(const Image& image, std::string why)
    {
        result_.kept.push_back({.image = image, .why = std::move(why)});
    }

    std::string reason_to_remove(const Image& image) const
    {
        const std::int64_t idle = (now_ - image.used) / day;
        if (options_.keep_days && idle >= *options_.keep_days)
            return fmt::format("not used for {} days", idle);
        if (options_.max_size && total_ > *options_.max_size)
            return fmt::format("all together take more than {}", ctx::format_size(*options_.max_size));
        if (!options_.keep_days && !options_.max_size && image.aliases.empty()) return "it has no name";
        return {};
    }

    std::vector<std::string> living_holders(const Image& image)
    {
        std::vector<std::string> living;
        for (const std::string& holder : lease_holders(layout_, image.digest)) {
            if (!is_dead(layout_, image.digest, holder)) {
                living.push_back(holder);
                continue;
            }
            result_.dead_leases.push_back(holder);
            if (!options_.dry_run) drop_lease(layout_, image.digest, holder);
        }
        return living;
    }

    Store& store_;
    const PruneOptions& options_;
    const Layout layout_;
    std::int64_t now_;
    std::uint64_t total_ = 0;
    PruneResult result_;
};

} // namespace

PruneResult prune(Store& store, const PruneOptions& options)
{
    return Pruner(store, options).run();
}

} // namespace image_cache
