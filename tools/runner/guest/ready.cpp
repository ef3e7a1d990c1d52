#include "ready.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/text.hpp>

#include "ready_channel.hpp"

namespace runner {

using namespace std::chrono_literals;
using ctx::Blame;
using ctx::Error;

namespace {

Error not_contextualized(std::string why)
{
    return Error(Blame::node, "the guest could not be contextualized")
        .because(std::move(why))
        .mend("see whether the image, the profile and the servers it names are right");
}

std::string console_note(const std::filesystem::path& console)
{
    const std::string end = console_end(console);
    return end.empty() ? "its console is empty" : "its console ends with: " + end;
}

// How far it came, by its reports and by its console.
std::string progress_note(const std::vector<std::string>& stages, const std::filesystem::path& console)
{
    const std::string note = console_note(console);
    return stages.empty() ? note : "its set-up came as far as: " + ctx::join(stages, ", ") + "; " + note;
}

std::function<std::optional<GuestReport>()> looking(const ReadyWait& wait)
{
    if (wait.channel.empty()) return [&wait] { return read_shared_report(wait.share_directory, wait.nonce); };
    return [channel = std::make_shared<ReadyChannel>(wait.channel, wait.nonce)] { return channel->look(); };
}

} // namespace

GuestReport wait_ready(const ReadyWait& wait, const ctx::Deadline& deadline, Interruption& interruption)
{
    const auto look = looking(wait);
    std::vector<std::string> stages; // seen so far
    auto next_look = ctx::Deadline::in(2s);
    for (;;) {
        if (auto report = look()) {
            if (report->stage == "ready") return *std::move(report);
            if (report->stage == "failed") throw not_contextualized(report->reason);
            stages = std::move(report->stages);
        }
        if (deadline.passed())
            throw Error(Blame::node, "the guest did not become ready in time")
                .because(progress_note(stages, wait.console))
                .mend("look at the console; a slow host needs a longer deadlines.ready")
                .as_timeout();
        if (next_look.passed()) {
            if (const auto failure = console_failure(wait.console)) throw not_contextualized(*failure);
            if (!wait.guest_runs())
                throw Error(Blame::node, "the guest ended before it was ready")
                    .because(progress_note(stages, wait.console))
                    .mend("see whether the image boots, and what the hypervisor's log says");
            next_look = ctx::Deadline::in(2s);
        }
        pollfd stop = {.fd = interruption.fd(), .events = POLLIN, .revents = 0};
        ::poll(&stop, 1, static_cast<int>(std::min(deadline.left(), 100ms).count()));
        interruption.check();
    }
}

namespace {

std::string console_tail(const std::filesystem::path& console)
{
    constexpr off_t tail = 4096;
    const ctx::Fd file(::open(console.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    struct stat info{};
    if (!file || ::fstat(file.get(), &info) < 0) return "";
    std::array<char, static_cast<std::size_t>(tail)> buffer{};
    const ssize_t count =
        ::pread(file.get(), buffer.data(), buffer.size(), std::max<off_t>(0, info.st_size - tail));
    return {buffer.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
}

} // namespace

std::optional<std::string> console_failure(const std::filesystem::path& console)
{
    constexpr std::string_view mark = "vmbatch: failed: ";
    const std::string tail = console_tail(console);
    const std::size_t at = tail.find(mark);
    if (at == std::string::npos) return std::nullopt;
    const std::size_t begin = at + mark.size();
    const std::size_t end = tail.find_first_of("\r\n", begin);
    if (end == std::string::npos) return std::nullopt; // still being written
    return ctx::printable(std::string_view(tail).substr(begin, end - begin), 300);
}

std::string console_end(const std::filesystem::path& console)
{
    std::vector<std::string> lines;
    for (std::string& line : ctx::split(console_tail(console), '\n')) {
        std::erase(line, '\r');
        if (!line.empty()) lines.push_back(ctx::printable(line, 120));
    }
    constexpr std::size_t quoted = 3;
    if (lines.size() > quoted) lines.erase(lines.begin(), lines.end() - quoted);
    return ctx::join(lines, " | ");
}

} // namespace runner
