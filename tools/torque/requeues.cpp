#include "requeues.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>

namespace torque {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

unsigned read_count(const fs::path& file)
try {
    const std::string text = ctx::read_file(file, 16);
    unsigned count = 0;
    std::from_chars(text.data(), text.data() + text.size(), count);
    return count;
} catch (const ctx::Error&) {
    return 0; // there is none
}

// Of jobs that were deleted while they waited to run again.
void sweep(const fs::path& directory)
{
    std::error_code ignored;
    for (const auto& file : fs::directory_iterator(directory, ignored)) {
        const auto written = fs::last_write_time(file.path(), ignored);
        if (!ignored && fs::file_time_type::clock::now() - written > 7 * 24h)
            fs::remove(file.path(), ignored);
    }
}

} // namespace

std::chrono::milliseconds requeue_delay(unsigned count)
{
    constexpr unsigned doublings = 5;
    return std::min<std::chrono::milliseconds>(2s * (1U << std::clamp(count, 1U, doublings + 1) >> 1U), 60s);
}

Requeues::Requeues(const fs::path& state_dir) : directory_(state_dir / "torque" / "requeues") {}

unsigned Requeues::count(const std::string& job_id) const
{
    std::error_code error;
    fs::create_directories(directory_, error);
    if (error)
        throw ctx::Error(ctx::Blame::node, "cannot make a directory")
            .at(directory_.string())
            .because(error.message())
            .mend("see whether the file system is full or read-only");
    sweep(directory_);
    const unsigned count = read_count(directory_ / job_id) + 1;
    ctx::write_file(directory_ / job_id, std::to_string(count) + "\n", 0600);
    return count;
}

void Requeues::forget(const std::string& job_id) const
{
    std::error_code ignored;
    fs::remove(directory_ / job_id, ignored);
}

} // namespace torque
