#include "orphans.hpp"

#include <filesystem>
#include <set>

#include <nlohmann/json.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>
#include <image-cache/store.hpp>

#include "../ledger/ledger.hpp"
#include "../resources/share_directory.hpp"

namespace runner {

namespace fs = std::filesystem;

namespace {

void add_shares_of(const fs::path& job, std::set<fs::path>& named)
try {
    for (const LedgerEntry& entry : entries_of(job)) {
        if (entry.kind == ShareDirectory::kind) named.insert(ShareDirectory::path_in(entry.details));
    }
} catch (const std::exception& error) {
    // It is being removed; what it had goes with it. One that stays and cannot be read may have anything.
    if (!fs::exists(job)) return;
    throw ctx::Error(ctx::Blame::node, "a job's ledger cannot be read")
        .at(job.string())
        .because(error.what());
}

} // namespace

std::vector<std::string> remove_orphaned_shares(const Settings& settings)
{
    // Directories before jobs: a directory was written down before it was there.
    std::vector<fs::path> ours;
    const std::string prefix = share_prefix(settings.state_dir);
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(settings.share.directory, error)) {
        if (entry.path().filename().string().starts_with(prefix)) ours.push_back(entry.path());
    }
    std::vector<std::string> removed;
    if (ours.empty()) return removed;
    std::set<fs::path> named;
    for (const KnownJob& job : list_jobs(settings.state_dir))
        add_shares_of(job_directory(settings.state_dir, job.record.id), named);
    for (const fs::path& directory : ours) {
        if (named.contains(directory)) continue;
        ctx::remove_tree(directory);
        removed.push_back(directory.string());
    }
    return removed;
}

std::vector<std::string> release_orphaned_leases(const Settings& settings)
{
    return image_cache::Store(settings.cache_dir).release_dead();
}

} // namespace runner
