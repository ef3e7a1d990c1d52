#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

#include "batch_job.hpp"

namespace runner {

using ctx::Blame;
using ctx::Error;

namespace {

constexpr std::string_view mark = "#VMBATCH";

// As #PBS and #SBATCH lines: only before the first command.
std::optional<std::string> asked_profile(std::string_view script)
{
    std::optional<std::string> asked;
    for (const std::string& line : ctx::split(script, '\n')) {
        const std::size_t begin = line.find_first_not_of(" \t\r");
        if (begin == std::string::npos) continue;
        if (line[begin] != '#') break;
        if (!line.starts_with(mark)) continue;
        std::string words = line.substr(mark.size());
        const std::size_t first = words.find_first_not_of(" \t");
        words = first == std::string::npos ? "" : words.substr(first);
        words.erase(words.find_last_not_of(" \t\r") + 1);
        constexpr std::string_view key = "profile=";
        if (!words.starts_with(key) || words.size() == key.size())
            throw Error(Blame::user, "a #VMBATCH line that says nothing known")
                .at("'" + ctx::printable(line, 80) + "'")
                .mend("write #VMBATCH profile=NAME");
        asked = words.substr(key.size());
    }
    return asked;
}

} // namespace

const Profile* choose_profile(const BatchJob& job, const Settings& settings)
{
    const auto queue = settings.queues.find(job.queue);
    const std::vector<std::string> allowed =
        queue == settings.queues.end() ? std::vector{settings.default_profile} : queue->second.profiles;
    if (allowed.empty()) return nullptr;
    const auto asked = asked_profile(job.directives);
    if (!asked) return &settings.profile(allowed.front());
    if (std::ranges::find(allowed, *asked) == allowed.end())
        throw Error(Blame::user, "the profile the job asks for is not for its queue")
            .at("#VMBATCH profile=" + ctx::printable(*asked, 60))
            .because("queue '" + ctx::printable(job.queue, 60) + "' has: " + ctx::join(allowed, ", "))
            .mend("ask for one of these, or submit to another queue");
    return &settings.profile(*asked);
}

} // namespace runner
