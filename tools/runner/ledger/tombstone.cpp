#include "tombstone.hpp"

#include <charconv>
#include <chrono>
#include <ctime>

#include <unistd.h>

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

// In clock ticks since boot, as the kernel gives the start of processes.
long now_in_ticks()
{
    timespec now{};
    (void)::clock_gettime(CLOCK_BOOTTIME, &now); // fails for a clock that is none
    const long per_second = ::sysconf(_SC_CLK_TCK);
    constexpr long nanoseconds = 1'000'000'000;
    return now.tv_sec * per_second + now.tv_nsec / (nanoseconds / per_second);
}

long number_in(const std::string& text)
{
    long result = -1;
    std::from_chars(text.data(), text.data() + text.size(), result);
    return result;
}

void remove_old(const fs::path& tombstones)
{
    std::error_code ignored;
    const auto old = fs::file_time_type::clock::now() - std::chrono::hours(1);
    for (const auto& entry : fs::directory_iterator(tombstones, ignored)) {
        if (entry.last_write_time(ignored) < old) fs::remove(entry.path(), ignored);
    }
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
    remove_old(tombstones);
    // Boot and time: a tombstone of an earlier life of this host says nothing.
    ctx::write_file(tombstones / job_directory(state_dir, id).filename(),
                    fmt::format("{} {}", now_in_ticks(), host_boot_id()), 0600);
}

bool ended_meanwhile(const fs::path& state_dir, const std::string& id, pid_t hook)
try {
    constexpr std::size_t limit = 128;
    const std::string text =
        ctx::read_file(directory(state_dir) / job_directory(state_dir, id).filename(), limit);
    const std::size_t space = text.find(' ');
    if (space == std::string::npos || text.substr(space + 1) != host_boot_id()) return false;
    return number_in(text) >= number_in(start_time(hook));
} catch (const ctx::Error&) {
    return false; // there is none
}

} // namespace runner
