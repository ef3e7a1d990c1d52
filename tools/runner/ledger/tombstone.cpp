#include "tombstone.hpp"

#include <charconv>
#include <cstdint>
#include <optional>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>

#include "ledger.hpp"
#include "owner.hpp"

namespace runner {

namespace fs = std::filesystem;

namespace {

fs::path directory(const fs::path& state_dir)
{
    return state_dir / "ended";
}

// When it was left; nothing if that was in an earlier life of this host, or there is none.
std::optional<std::int64_t> time_of(const fs::path& tombstone)
try {
    constexpr std::size_t limit = 128;
    const std::string text = ctx::read_file(tombstone, limit);
    const std::size_t space = text.find(' ');
    if (space == std::string::npos || text.substr(space + 1) != host_boot_id()) return std::nullopt;
    std::int64_t ticks = -1;
    std::from_chars(text.data(), text.data() + space, ticks);
    return ticks;
} catch (const ctx::Error&) {
    return std::nullopt;
}

} // namespace

void leave_tombstone(const fs::path& state_dir, const std::string& id)
{
    const fs::path tombstones = directory(state_dir);
    std::error_code error;
    fs::create_directories(state_dir, error); // a host's first epilogue may be that of a job without a guest
    if (fs::create_directory(tombstones, error))
        fs::permissions(tombstones, fs::perms::owner_all);
    else if (error)
        throw ctx::Error(ctx::Blame::node, "cannot make a directory")
            .at(tombstones.string())
            .because(error.message());
    // Boot and time: a tombstone of an earlier life of this host says nothing.
    ctx::write_file(tombstones / job_directory(state_dir, id).filename(),
                    fmt::format("{} {}", now_in_ticks(), host_boot_id()), 0600);
    reached(Step::tombstone_left);
}

bool ended_meanwhile(const fs::path& state_dir, const std::string& id, pid_t hook)
{
    const auto left = time_of(directory(state_dir) / job_directory(state_dir, id).filename());
    return left && *left >= start_ticks(hook);
}

void sweep_tombstones(const fs::path& state_dir, std::chrono::milliseconds keep)
{
    const std::int64_t oldest = now_in_ticks() - keep.count() * ticks_per_second() / 1000;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(directory(state_dir), ignored)) {
        const auto left = time_of(entry.path());
        if (!left || *left < oldest) fs::remove(entry.path(), ignored);
    }
}

} // namespace runner
